"""A stranger's octets as text for a person: one line that no terminal or log obeys."""

from __future__ import annotations

import codecs

from avowal.dates import DAY

# A daemon that changes its root leaves the codecs behind: what is found now, stays found.
for _codec in ("unicode_escape", "utf-16-le"):
    codecs.lookup(_codec)

_WIDTH = 160  # octets of a line that are shown
_UNITS = (("year", 365 * DAY), ("day", DAY), ("hour", 3600), ("minute", 60))


def printable(text: str | bytes, *, most: int | None = None, ascii_only: bool = False) -> str:
    r"""Return text, or octets read as UTF-8, as one line without controls.

    What Python does not count as printable (controls, line ends, marks that turn the direction
    of writing, lone surrogates) becomes an escape such as ``\n``, ``\x1b`` or ``\u202e``, an
    octet that is no UTF-8 ``\xff``; with `ascii_only` so does whatever is not ASCII.  Longer
    text is cut to its first `most` characters (octets) and ends in ``…``.  A backslash stays as
    it is: the result is for reading, not for reading back.
    """
    cut = most is not None and len(text) > most
    if most is not None and cut:
        text = text[:most]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if cut:
        text += "…"
    if text.isprintable() and not (ascii_only and not text.isascii()):
        return text
    return "".join([c if _stays(c, ascii_only) else _escaped(c) for c in text])


def _stays(character: str, ascii_only: bool) -> bool:  # noqa: FBT001 - handed through
    return character.isprintable() and (character.isascii() or not ascii_only)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def whole(text: str) -> str:
    r"""Return text that can be stored: a lone surrogate (``\ud800`` in JSON) becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def storable(path: str) -> str:
    r"""Return a file name as text that can be stored: an octet that is no UTF-8 as ``\xff``."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def revealed(row: bytes, *, most: int = _WIDTH) -> str:
    """Return a line on which white space that one overlooks is seen: tabs, blanks at its end."""
    kept = row.rstrip(b" \t")
    end = row[len(kept) :].replace(b" ", "·".encode())
    shown = (kept + end).replace(b"\r\n", "⏎".encode()).replace(b"\t", "→".encode())
    return printable(shown, most=most)


def lasting(seconds: int) -> str:
    """Return a length of time as people say it, in its largest unit: 90 minutes, 12 days."""
    size = abs(seconds)
    for unit, length in _UNITS:
        if size >= 2 * length:
            return f"{size // length} {unit}s"
    return counted(size, "second")


def counted(number: int, noun: str) -> str:
    """Return so many of something whose name takes an s: 1 key, 2 keys."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
