"""The work over a pair of inputs that meet each other grows no faster than the inputs."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("pairs")
