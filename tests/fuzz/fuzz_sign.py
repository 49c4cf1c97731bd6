"""Signing raises only UsageError, and what is signed verifies."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("sign")
