"""What any reference reader shows of a From field answers, or nothing passes."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("from")
