"""Reading a reply of a name server raises nothing."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("dns")
