"""The words that the methods dmarc, dkim-atps and vbr have in common."""

from __future__ import annotations

from enum import StrEnum


class PolicyResult(StrEnum):
    """RFC 9989 §9.2, RFC 6541 §8.3, RFC 6212 §4."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
