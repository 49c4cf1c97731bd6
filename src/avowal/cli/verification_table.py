"""A table of what became of signatures, by mailing list and year: `avowal verify --table`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from avowal.calls.receipt import received_at
from avowal.cli.inspection import Inspected
from avowal.dates import seconds_of
from avowal.dkim.reasons import Reason, Result
from avowal.message import Header
from avowal.text import printable

_MOST_LISTS = 10_000  # by name; the others are counted together
_OTHERS = "(other lists)"
_NO_LIST = "(no list)"
_COLUMNS = {
    "messages": "all messages, of which:",
    "unsigned": "without a signature",
    "pass": "with one that passes",
    "recovered": "that fit a key found again from mail",
    "body": "whose body was changed",
    "header": "whose signed fields were changed, or made with another key",
    "no key": "whose key is not known",
    "other": "that do not count for another reason",
}
_BY_REASON = {
    Reason.KEY_RECOVERED: "recovered",
    Reason.BODY_HASH: "body",
    Reason.BODY_LENGTH: "body",
    Reason.SIGNATURE: "header",
    Reason.NO_KEY: "no key",
    Reason.KEY_UNAVAILABLE: "no key",
}
_BEST_FIRST = ("pass", "recovered", "body", "header", "no key", "other")


class Row(NamedTuple):
    """Where a message is counted: the list it came through, its year, what became of it."""

    mailing_list: str
    year: str
    kind: str


def row_of(one: Inspected) -> Row:
    """Return where a message is counted: by the best that one of its signatures is."""
    return Row(_list(one.header), _year(one.header), _kind(one))


class Table:
    """Counts messages, each once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Counter[str]] = {}
        self._lists: set[str] = set()

    def add(self, row: Row) -> None:
        """Count a message."""
        name = row.mailing_list
        if name != _NO_LIST and name not in self._lists:
            if len(self._lists) == _MOST_LISTS:
                name = _OTHERS
            else:
                self._lists.add(name)
        counts = self._rows.setdefault((name, row.year), Counter())
        counts["messages"] += 1
        counts[row.kind] += 1

    def lines(self) -> Iterator[str]:
        """Yield the table for a person."""
        rows = [
            (name, year, *(str(row[column]) for column in _COLUMNS))
            for (name, year), row in sorted(self._rows.items())
        ]
        head = ("list", "year", *_COLUMNS)
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        for row in (head, *rows):
            name, year, *counts = row
            numbers = (f"{cell:>{w}}" for cell, w in zip(counts, widths[2:], strict=True))
            yield "  ".join((f"{name:<{widths[0]}}", f"{year:<{widths[1]}}", *numbers))
        yield ""
        yield from (f"{name}: {meaning}" for name, meaning in _COLUMNS.items())

    def json(self) -> Iterator[dict[str, str | int]]:
        """Yield an object per row."""
        for (name, year), row in sorted(self._rows.items()):
            counts = {column.replace(" ", "_"): row[column] for column in _COLUMNS}
            yield {"list": name, "year": year, **counts}


def _list(header: Header | None) -> str:
    fields = () if header is None else header.named(b"list-id")
    if not fields:
        return _NO_LIST
    value = fields[0].value
    text = value.rpartition(b"<")[2].partition(b">")[0].strip().lower()
    return printable(text, most=80) or _NO_LIST


def _kind(one: Inspected) -> str:
    if not one.verdicts:
        return "unsigned"
    kinds = {
        "pass" if v.result is Result.PASS else _BY_REASON.get(v.reason or Reason.SYNTAX, "other")
        for v in one.verdicts
    }
    return next(kind for kind in _BEST_FIRST if kind in kinds)


def _year(header: Header | None) -> str:
    """Return the year of receipt, or else that of the Date field."""
    if header is None:
        return "?"
    at = received_at(header, otherwise=-1)
    dates = header.named(b"date")
    if at < 0 and dates:
        at = seconds_of(dates[0].value) or -1
    try:
        return str(datetime.fromtimestamp(at, UTC).year) if at >= 0 else "?"
    except (ValueError, OverflowError, OSError):
        return "?"
