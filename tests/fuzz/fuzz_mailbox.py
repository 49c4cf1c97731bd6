"""A mailbox file comes out as messages, or Unusable is raised, for any octets."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("mailbox")
