"""Signature fields octet for octet as OpenDKIM 2.11 writes them.

With the same key, time and message the whole field is the same, signature included, so that
both can run side by side and be compared.  The rules are measured, not documented: names in
h= stand in the order and letter case of the message, lines reach column 75, a tab counts 8.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from avowal.dkim.layout import FIELD_NAME, Tags
from avowal.message import Header

_MARGIN = 75
_TAB = 8
_NEW_LINE = b"\r\n\t"
_WITHIN = b"\r\n\t "  # inside a value
_ORDER = ("v", "a", "c", "d", "s", "t", "x", "i", "atpsh", "atps", "r", "bh", "l", "h", "z", "b")
_PLACE = {name: place for place, name in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class OpendkimLayout:
    """Writes fields as OpenDKIM does.

    `oversigned` names are written with the letter case of the configuration.
    """

    oversigned: tuple[bytes, ...] = ()

    def signed_names(
        self, header: Header, names: Sequence[bytes], oversigned: Collection[bytes]
    ) -> tuple[bytes, ...]:
        """List the fields as they stand in the message, then the oversigned names."""
        wanted = frozenset(names)
        present = [
            field.raw[: field.colon].rstrip(b" \t") for field in header if field.name in wanted
        ]
        return (*present, *(n for n in self.oversigned if n.lower() in oversigned))

    def unsigned(self, tags: Tags) -> tuple[bytes, int]:
        """Write the field with an empty b=."""
        ordered = sorted(tags, key=lambda tag: _PLACE.get(tag[0], _PLACE["b"] - 1))
        writer = _Writer()
        for name, tokens in ordered[:-1]:
            writer.tag(name, b"".join(tokens))
        writer.last()
        return writer.octets, writer.column

    def base64(self, text: bytes, column: int) -> bytes:
        """Break base64 at the margin."""
        return _broken(text, column)


class _Writer:
    """One field on its way: tags separated by a space or a new line."""

    def __init__(self) -> None:
        self._parts = [FIELD_NAME, b":"]
        self.column = len(FIELD_NAME) + 1

    @property
    def octets(self) -> bytes:
        return b"".join(self._parts)

    def tag(self, name: str, value: bytes) -> None:
        text = b"%s=%s" % (name.encode(), value)
        if self.column + 1 + len(text) > _MARGIN:
            self._parts.append(_NEW_LINE)
            self.column = _TAB
        else:
            self._parts.append(b" ")
            self.column += 1
        if self.column + len(text) > _MARGIN and name in ("h", "z", "bh"):
            text = _at_colons(text, self.column) if name == "h" else _broken(text, self.column)
        self._parts += (text, b";")
        self.column = _column_after(text, self.column) + 1

    def last(self) -> None:
        """Begin b=, which always has a line of its own."""
        self._parts += (_NEW_LINE, b"b=")
        self.column = _TAB + len(b"b=")


def _column_after(text: bytes, column: int) -> int:
    line = text.rpartition(_WITHIN)[2]
    return column + len(text) if line == text else _TAB + 1 + len(line)


def _broken(text: bytes, column: int) -> bytes:
    """Break a text wherever the margin falls."""
    room = _MARGIN - column
    width = _MARGIN - _TAB - 1
    later = (text[at : at + width] for at in range(room, len(text), width))
    return _WITHIN.join((text[:room], *later))


def _at_colons(text: bytes, column: int) -> bytes:
    """Break h= between names; the colon stays with the name before it."""
    words = text.split(b":")
    lines = [words[0]]
    column += len(words[0])
    for left, word in enumerate(words[1:], 2 - len(words)):
        semicolon = left == 0  # only what ends the last name counts
        if column + 1 + len(word) + semicolon > _MARGIN:
            lines[-1] += b":"
            lines.append(word)
            column = _TAB + 1 + len(word)
        else:
            lines[-1] += b":" + word
            column += 1 + len(word)
    return _WITHIN.join(lines)
