"""What is read is written, what is written is read, and nothing raises."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("authres")
