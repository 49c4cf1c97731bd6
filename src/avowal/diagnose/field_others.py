"""What all other fields may have been: as they are, not there, or written anew by a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from avowal.dates import seconds_of
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.header_slots import Value, unfolded
from avowal.diagnose.presence import added_by_lists

_USUAL = {
    b"x-ms-exchange-senderadcheck": (b"1", b"0", b"2"),
    b"x-ms-exchange-antispam-messagedata-chunkcount": (b"1", b"0"),
    b"content-language": (b"en-US", b"en-GB"),
    b"content-disposition": (b"inline",),
    b"importance": (b"normal",),
    b"x-priority": (b"3",),
}
_STAYING = frozenset((b"date", b"message-id", b"in-reply-to", b"references"))
_UTC = (b"+0000", b"-0000", b"GMT", b"UT", b"UTC")
_OFTEN = (60, 120, -300, -240, -480, -420, 480, 540, 330, 180)
_RARER = sorted({345, 525, 765}.union(range(-720, 841, 30)).difference(_OFTEN))
_ZONES: tuple[int, ...] = (*_OFTEN, *_RARER)  # minutes east of UTC
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a moment in a zone is counted by hand
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_ID = re.compile(rb"<[^<>]*+>")
_FOLD = re.compile(rb"\r\n[ \t]++")
_COMMENT = re.compile(rb"[ \t]*+\([^()]*+\)\Z")
_ONE_DIGIT = re.compile(rb"\A([A-Za-z]{3}, )([1-9]) ")
_TWO_DIGITS = re.compile(rb"\A([A-Za-z]{3}, )0([1-9]) ")


def others(case: HeaderCase, name: bytes) -> Iterator[Value]:
    """Yield values of a field that has no generator of its own."""
    raw = case.first(name)
    shown = None if raw is None else unfolded(raw)
    if added_by_lists(name):
        yield Value(0, "field-added" if raw is not None else "", None)
        if shown is not None:
            yield Value(1, "", shown)
        return
    yield Value(0, "", shown)
    for usual in _USUAL.get(name, ()):
        if usual != shown:
            yield Value(3, "field-dropped" if shown is None else "field-changed", usual)
    if name in {b"in-reply-to", b"references"}:
        yield from _identifiers(case, name, raw)
    elif shown is not None and name not in _STAYING:
        yield Value(5, "field-added", None)
    if name == b"date" and shown is not None:
        yield from _dates(shown)
    if name in {b"message-id", b"in-reply-to"} and shown is not None:
        if shown.endswith(b")"):
            yield Value(5, "field-changed", _COMMENT.sub(b"", shown))
        if not shown.startswith(b"<"):  # RFC 5322 §3.6.4: no program writes one without
            yield Value(2, "field-changed", b"<" + shown + b">")


def _identifiers(case: HeaderCase, name: bytes, raw: bytes | None) -> Iterator[Value]:
    if raw is None:
        other = case.first(b"references" if name == b"in-reply-to" else b"in-reply-to")
        found = [] if other is None else _identified(other)
        if found:
            yield Value(4, "field-dropped", found[-1])
            yield Value(5, "field-dropped", b" ".join(found))
        return
    value = raw.partition(b":")[2]
    found = _identified(value)
    yield Value(5, "refolded", b" ".join(found))
    yield Value(6, "field-added", None)
    yield Value(7, "refolded", _FOLD.sub(b"", value).strip(b" \t"))
    if len(found) > 1:
        yield Value(7, "references-cut", b" ".join(found[:-1]))
        yield Value(7, "references-cut", b" ".join(found[1:]))
        yield Value(8, "refolded", b"".join(found))


def _identified(value: bytes) -> list[bytes]:
    return [match[0] for match in _ID.finditer(value)]


def _dates(shown: bytes) -> Iterator[Value]:
    bare = _COMMENT.sub(b"", shown)
    if bare != shown:
        yield Value(5, "date", bare)
    for end, new, bits in (
        (b"GMT", b"+0000", 5), (b"-0000", b"+0000", 5), (b"+0000", b"GMT", 6),
        (b"+0000", b"+0000 (UTC)", 6), (b"+0000", b"-0000", 6), (b"+0000", b"GMT (UTC)", 9),
        (b"+0000", b"UT", 7),
    ):  # fmt: skip
        if shown.endswith(end):
            yield Value(bits, "date", shown.removesuffix(end) + new)
    for pattern, form in ((_ONE_DIGIT, rb"\g<1>0\2 "), (_TWO_DIGITS, rb"\1\2 ")):
        changed = pattern.sub(form, shown)
        if changed != shown:
            yield Value(5, "date", changed)
    if bare.endswith(_UTC):
        yield from _elsewhere(bare)


def _elsewhere(shown: bytes) -> Iterator[Value]:
    """Yield a date in UTC as the same moment in other zones: gateways rewrite them."""
    moment = seconds_of(shown)
    if moment is None:
        return
    for minutes in _ZONES:
        then = _EPOCH + timedelta(seconds=moment + 60 * minutes)
        hours, rest = divmod(abs(minutes), 60)
        day, month = _DAYS[then.weekday()], _MONTHS[then.month - 1]
        zone = f"{'-' if minutes < 0 else '+'}{hours:02}{rest:02}"
        for number in sorted({str(then.day), f"{then.day:02}"}):
            date = f"{day}, {number} {month} {then.year:04} {then:%H:%M:%S} {zone}"
            yield Value(7 if minutes in _OFTEN else 9, "date", date.encode("ascii"))
