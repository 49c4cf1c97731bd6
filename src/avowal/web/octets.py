"""A stranger's octets on a page: each line with its white space seen, nothing obeyed."""

from __future__ import annotations

from avowal.text import printable
from avowal.web.limits import SEEN_LINE, SEEN_LINES, SEEN_OCTETS
from avowal.web.report import Octets

_MARKS = {0x20: "·", 0x09: "→", 0x0D: "␍", 0x0A: "␊"}


def shown(octets: bytes, *, most: int = SEEN_LINE) -> str:
    """Return octets as text: a blank is ``·``, a tab ``→``, a line end ``␍␊``.

    What is no UTF-8 and what a terminal or a browser might obey is written as an escape.
    """
    cut = len(octets) > most
    text = octets[:most].decode("utf-8", "backslashreplace").translate(_MARKS)
    return printable(text) + ("…" if cut else "")


def block(title: str, octets: bytes, *, total: int | None = None) -> Octets:
    """Return octets as a block of lines, so many as a page shows.

    `total` is how many there are, where `octets` are their beginning.
    """
    whole = len(octets) if total is None else total
    lines = octets[:SEEN_OCTETS].splitlines(keepends=True) if octets else []
    lines = _joined(lines)
    kept = lines[:SEEN_LINES]
    left = whole - sum(map(len, kept))
    return Octets(
        title=title,
        lines=tuple(shown(line) for line in kept),
        total=whole,
        lines_left=max(0, octets.count(b"\n") - len(kept)),
        octets_left=left,
    )


def _joined(lines: list[bytes]) -> list[bytes]:
    """Join what `splitlines` cuts at a bare CR: only LF ends a line here."""
    made: list[bytes] = []
    for line in lines:
        if made and not made[-1].endswith(b"\n"):
            made[-1] += line
        else:
            made.append(line)
    return made
