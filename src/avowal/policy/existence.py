"""When a domain counts as one that does not exist: two readings, the receiver chooses."""

from __future__ import annotations

from enum import Enum


class Existence(str, Enum):
    """What makes a name non-existent."""

    NO_NAME = "nxdomain"  # RFC 9989 §3.2.13, RFC 5617 §4.3
    NO_HOST = "no-host"  # also without A, AAAA and MX: RFC 9091 §2.7, RFC 5617 §4.3

    def __str__(self) -> str:
        return self.value
