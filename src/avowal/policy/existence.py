"""When a domain counts as one that does not exist: two readings, the receiver chooses."""

from __future__ import annotations

from enum import StrEnum


class Existence(StrEnum):
    """What makes a name non-existent."""

    # A name with any record, NODATA and an empty non-terminal exist (RFC 9989 §3.2.13, App. A.4).
    NO_NAME = "nxdomain"
    # Also without A, AAAA and MX (RFC 9091 §2.7): signed zones may answer NODATA where there is
    # nothing (RFC 9824 §3).
    NO_HOST = "no-host"
