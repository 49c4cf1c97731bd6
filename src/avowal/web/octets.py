"""A stranger's octets on a page: each line with its white space seen, nothing obeyed."""

from __future__ import annotations

from avowal.text import printable
from avowal.web.limits import SEEN_LINE, SEEN_LINES, SEEN_OCTETS
from avowal.web.report import Octets

_MARKS = {0x20: "·", 0x09: "→"}


def shown(octets: bytes, *, most: int = SEEN_LINE) -> str:
    r"""Return octets as text: a blank is ``·``, a tab ``→``, CRLF ``↵``, a lone LF ``\n``.

    What is no UTF-8 and what a terminal or a browser might obey is written as an escape.
    """
    cut, end = len(octets) > most, most
    while cut and end > most - 4 and octets[end] & 0xC0 == 0x80:  # within a character
        end -= 1
    text = octets[:end].decode("utf-8", "backslashreplace").translate(_MARKS)
    return printable(text.replace("\r\n", "↵")) + ("…" if cut else "")


def block(title: str, octets: bytes, *, total: int | None = None) -> Octets:
    """Return octets as a block of lines, so many as a page shows.

    `total` is how many there are, where `octets` are their beginning.
    """
    whole = len(octets) if total is None else total
    *rows, last = octets[:SEEN_OCTETS].split(b"\n")
    lines = [row + b"\n" for row in rows] + ([last] if last else [])
    kept = lines[:SEEN_LINES]
    return Octets(
        title=title,
        lines=tuple(shown(line) for line in kept),
        total=whole,
        octets_left=whole - sum(map(len, kept)),
    )
