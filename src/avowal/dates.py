"""The time that a Date or Received field tells (RFC 5322 §3.3), read without complaint."""

from __future__ import annotations

LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z: what comes later has no date in Python
_MOST = 2000  # octets that are looked at
_LAST = 1 << 40  # Unix seconds that are taken for a time


def seconds_of(date: bytes) -> int | None:
    """Return a date-time in Unix seconds, None for what is none; without a zone it is UTC."""
    from calendar import timegm  # noqa: PLC0415 - verifying does not pay for it
    from email.utils import parsedate_tz  # noqa: PLC0415

    try:
        found = parsedate_tz(date[:_MOST].decode("ascii", "replace"))
        moment = None if found is None else timegm(found[:9]) - (found[9] or 0)
    except (ValueError, OverflowError, TypeError):
        return None
    return moment if moment is not None and 0 <= moment <= _LAST else None
