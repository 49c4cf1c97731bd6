"""A zone file, JSON or recording raises only its error."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("zones")
