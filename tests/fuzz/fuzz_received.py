"""A report that somebody sent is read or refused, for any octets, and both ways agree."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("received")
