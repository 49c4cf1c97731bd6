"""A milter session raises PeerError or nothing for any octets, whatever their cut."""

from launch import fuzz

if __name__ == "__main__":
    fuzz("milter")
