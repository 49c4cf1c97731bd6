"""A parser raises only its SyntaxFault, and what it read holds."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("parsers")
