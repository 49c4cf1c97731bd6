"""Days of UTC as numbers, and the time that a Date or Received field tells (RFC 5322 §3.3)."""

from __future__ import annotations

DAY = 86_400  # seconds; days of UTC are counted from 1970-01-01 and know no leap second
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z: what comes later has no date in Python
_MOST = 2000  # octets that are looked at
_LAST = 1 << 40  # Unix seconds that are taken for a time


def date_of(day: int) -> str:
    """Return a day of UTC, counted from 1970-01-01, as people write it: 2026-11-29.

    One for which Python has no date keeps its number.
    """
    from datetime import date, timedelta  # noqa: PLC0415 - verifying does not pay for it

    try:
        return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    except OverflowError:
        return f"day {day}"


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
