"""What a relay may change about the lines of a body after it was signed."""

from __future__ import annotations

from avowal._fast import column_after
from avowal.canonical import Octets

LONGEST_LINE = 998  # octets without CRLF, RFC 5322 §2.1.1
_WITH_CRLF = LONGEST_LINE + 2
_PIECE = 64 << 10


class BodyLines:
    """Looks at the octets of a body as they stream by.

    `eight_bit` says that some are over 127, `too_long` that a line is over 998 octets.
    """

    __slots__ = ("_column", "eight_bit", "too_long")

    def __init__(self) -> None:
        self.eight_bit = False
        self.too_long = False
        self._column = 0  # octets since the last line feed

    def feed(self, chunk: Octets) -> None:
        """Take the next octets, in pieces that are copied within the processor's cache."""
        if isinstance(chunk, bytes) and len(chunk) <= _PIECE:
            self._look_at(chunk)
        else:
            view = memoryview(chunk)
            for start in range(0, len(view), _PIECE):
                self._look_at(bytes(view[start : start + _PIECE]))

    def _look_at(self, octets: bytes) -> None:
        self.eight_bit = self.eight_bit or not octets.isascii()
        if not self.too_long:
            self._column = column_after(octets, self._column, _WITH_CRLF)
            self.too_long = self._column < 0
