"""Folding of the fields we write: lines of at most 78 octets, broken between tokens only.

RFC 5322 §2.1.1 asks for at most 78 octets and forbids more than 998.  Base64 may be
broken anywhere (RFC 6376 §2.10), everything else only where its grammar has FWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

WIDTH = 78  # octets, RFC 5322 §2.1.1
FOLD = b"\r\n\t"
_INDENT = 8  # a tab, as most readers show it


class Folder:
    """Writes one field, token by token."""

    __slots__ = ("_column", "_parts", "_width")

    def __init__(self, beginning: bytes, *, width: int = WIDTH) -> None:
        self._parts = [beginning]
        self._column = len(beginning)
        self._width = width

    def token(self, token: bytes, *, space: bool = False) -> None:
        """Add a token that is never broken; a fold or, if asked, a space goes before it."""
        if self._column + space + len(token) > self._width:
            self.fold()
        elif space:
            self._parts.append(b" ")
            self._column += 1
        self._parts.append(token)
        self._column += len(token)

    def put(self, octets: bytes, column: int) -> None:
        """Add what was folded for this place already; `column` is the one behind it."""
        self._parts.append(octets)
        self._column = column

    def clause(self, words: Sequence[bytes]) -> None:
        """End what stands there with ``;``, and add words in a line of their own."""
        self._parts += (b";", FOLD, words[0])
        self._column = _INDENT + len(words[0])
        for word in words[1:]:
            self.token(word, space=True)

    def glue(self, octets: bytes) -> None:
        """Add octets that belong to the token before them."""
        self._parts.append(octets)
        self._column += len(octets)

    def base64(self, octets: bytes) -> None:
        """Add base64 text, broken wherever the line is full."""
        position = 0
        while position < len(octets):
            room = self._width - self._column
            if room <= 0:
                self.fold()
                room = self._width - self._column
            piece = octets[position : position + room]
            self.glue(piece)
            position += len(piece)

    @property
    def octets(self) -> bytes:
        """The field as written so far."""
        return b"".join(self._parts)

    @property
    def column(self) -> int:
        """Where the next octet would stand, counted from 0."""
        return self._column

    def fold(self) -> None:
        """Go on in a new line, where the grammar has FWS."""
        self._parts.append(FOLD)
        self._column = _INDENT


def fold_tags(
    name: bytes, tags: Iterable[tuple[str, Sequence[bytes]]], *, base64: frozenset[str]
) -> Folder:
    """Write ``name: tag=value; ...``; a value comes as the tokens a fold may stand between.

    The values of the tags named in `base64` may be broken anywhere.
    """
    folder = Folder(name + b":")
    first = True
    for tag, tokens in tags:
        if not first:
            folder.glue(b";")
        first = False
        beginning = tag.encode() + b"="
        if tag in base64:
            folder.token(beginning, space=True)
            folder.base64(b"".join(tokens))
        elif len(tokens) > 1:
            folder.put(*_folded(folder.column, beginning, tuple(tokens)))
        else:
            folder.token(beginning + b"".join(tokens), space=True)
    return folder


@lru_cache(maxsize=256)
def _folded(column: int, beginning: bytes, tokens: tuple[bytes, ...]) -> tuple[bytes, int]:
    """Return a value of many tokens as it is written from a column on, and the column behind.

    That is h=, which is the same in message after message.
    """
    folder = Folder(b" " * column)
    folder.token(beginning + tokens[0], space=True)
    for token in tokens[1:]:
        folder.token(token)
    return folder.octets[column:], folder.column
