"""Whatever a client sends gets answers that the document of the service has, or none."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("serve")
