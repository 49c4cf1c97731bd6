"""A bundle or a form that a browser gives to the inspector: a page, or a refusal in words."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("web")
