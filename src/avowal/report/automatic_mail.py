"""Mail that is a report itself: nobody may answer it by another (RFC 6650 §6, RFC 9991 §5)."""

from __future__ import annotations

from typing import Final

from avowal.message import Header

_SUBJECT: Final = b"Report Domain:"


def is_aggregate_report(header: Header) -> bool:
    """Whether a message has the subject of an aggregate report (RFC 9990 §3.5)."""
    fields = header.named(b"subject")
    return len(fields) == 1 and fields[0].value.strip(b" \t\r\n").startswith(_SUBJECT)


def is_report(header: Header) -> bool:
    """Whether a message says that it is a report, of whatever kind (RFC 6522, RFC 9990 §3.5).

    A failure report, a bounce and a disposition are a ``multipart/report`` each.
    """
    kinds = [field.value.lower() for field in header.named(b"content-type")]
    if any(b"multipart/report" in kind or b"feedback-report" in kind for kind in kinds):
        return True
    return is_aggregate_report(header)
