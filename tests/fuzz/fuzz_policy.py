"""Evaluating policies raises nothing for any octets and any answers."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("policy")
