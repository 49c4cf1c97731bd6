"""The C kernel and its pure twin agree; cutting a body changes nothing."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("forms")
