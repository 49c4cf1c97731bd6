"""What a relay may change about the lines of a body after it was signed."""

from __future__ import annotations

from avowal.canonical import Octets

LONGEST_LINE = 998  # octets without CRLF, RFC 5322 §2.1.1
_WITH_CRLF = LONGEST_LINE + 2


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
        """Take the next octets."""
        octets = bytes(chunk)
        self.eight_bit = self.eight_bit or not octets.isascii()
        if not self.too_long:
            self._measure(octets)

    def _measure(self, octets: bytes) -> None:
        """Leap from line feed to line feed, as far as a line may reach."""
        size = len(octets)
        rfind = octets.rfind
        line_feed = -1
        reach = _WITH_CRLF - self._column  # where the line feed has to come before
        while reach <= size:
            line_feed = rfind(b"\n", line_feed + 1, reach)
            if line_feed < 0:
                self.too_long = True
                return
            reach = line_feed + 1 + _WITH_CRLF
        last = rfind(b"\n", line_feed + 1)
        self._column = size - 1 - last if last >= 0 else size + _WITH_CRLF - reach
