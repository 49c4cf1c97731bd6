"""Reading a configuration raises ConfigError or nothing, for any octets."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("configuration")
