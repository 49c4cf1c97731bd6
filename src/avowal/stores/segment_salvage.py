"""A segment with damage in it: the lines that are events are kept, the others are set aside.

A line is an event where it has the columns, and its kind of message is told in full somewhere
before it in the segment, under its own digest.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

import msgspec

from avowal.report.event import EventKey, digest, rules_of
from avowal.stores import event_segments
from avowal.stores.event_segments import DAMAGED, TAKEN, columns_of

_KEPT: Final = "-kept"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Salvaged(NamedTuple):
    """How many lines were kept, how many set aside, and where those are."""

    kept: int
    lost: int
    aside: Path


def salvage(segment: Path) -> Salvaged:
    """Set a segment aside, but for its good lines: they are a segment of its own.

    A process that dies meanwhile leaves all of it aside, or all of it done.  Raises OSError.
    """
    good, bad = _named(segment, _KEPT), _named(segment, "-bad")
    events = others = 0
    with _new(good) as kept, _new(bad) as lost:
        for line, is_event in _lines(segment):
            (kept if is_event else lost).write(line)
            events += is_event
            others += not is_event
    again = segment.stem.endswith(_KEPT)  # what was kept once cannot be read either
    aside = event_segments.set_aside(segment)
    if again or not events:
        good.unlink()
        bad.unlink()
        return Salvaged(0, events + others, aside)
    good.rename(good.with_suffix(TAKEN))
    bad.replace(aside)
    return Salvaged(events, others, aside)


def _named(segment: Path, more: str) -> Path:
    return segment.with_name(f"{segment.stem}{more}{DAMAGED}")


def _new(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, _NEW, 0o600), "wb")


def _lines(segment: Path) -> Iterator[tuple[bytes, bool]]:
    known: set[str] = set()
    columns = len(columns_of(str(segment)))
    with segment.open("rb") as file:
        for line in file:
            yield line, _is_event(line, known, columns)


def _is_event(line: bytes, known: set[str], columns: int) -> bool:
    try:
        (row,) = csv.reader([line.decode()], strict=True)
    except (UnicodeDecodeError, ValueError, csv.Error):
        return False
    if len(row) != columns or not line.endswith(b"\n"):
        return False
    time, _, key, _, _, reported, _, facts, *rules = row
    if not (time.isascii() and time.isdigit() and len(time) <= 12):
        return False
    try:
        for text in filter(None, rules):
            rules_of(text)
        if not facts:
            return key in known
        EventKey.of(facts.encode())
    except msgspec.MsgspecError:
        return False
    if reported not in {"true", "false"} or digest(facts.encode()).hex() != key:
        return False
    known.add(key)
    return True
