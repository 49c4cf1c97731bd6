"""Line ends of messages at rest, and how they become those of the wire (RFC 5322 §2.2)."""

from __future__ import annotations

from typing import Literal

from avowal._fast import bare_break, bare_lf, breaks_to_crlf, lf_to_crlf

LineEnds = Literal["auto", "wire", "stored"]


class WireForm:
    """Converts a stored message to wire form, chunk by chunk: a bare LF becomes CRLF.

    With `bare_cr` a bare CR becomes CRLF too (RFC 6376 §5.3); `lone_cr`: there was one.
    """

    __slots__ = ("_bare_cr", "_held_cr", "lone_cr")

    def __init__(self, *, bare_cr: bool = False) -> None:
        self._bare_cr = bare_cr
        self._held_cr = self.lone_cr = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the wire form of what is certain by now."""
        octets = b"\r" + chunk if self._held_cr else chunk
        self._held_cr = octets.endswith(b"\r")
        if self._held_cr:
            octets = octets[:-1]
        return self._converted(octets)

    def finish(self) -> bytes:
        """Return what was held back at the end."""
        held, self._held_cr = self._held_cr, False
        return self._converted(b"\r") if held else b""

    def _converted(self, octets: bytes) -> bytes:
        if (bare_break if self._bare_cr else bare_lf)(octets) < 0:
            return octets
        self.lone_cr = self.lone_cr or octets.count(b"\r") != octets.count(b"\r\n")
        return (breaks_to_crlf if self._bare_cr else lf_to_crlf)(octets)


def as_sent(octets: bytes) -> bytes:
    """Return a whole message at rest as it will be sent, by the rule of `wire_form`."""
    return octets if bare_break(octets) < 0 else breaks_to_crlf(octets)


def wire_form(line_ends: LineEnds) -> WireForm | None:
    """Return what brings a message into wire form; None for one that is taken as it is.

    The rule for every message at rest, pure or mixed: each CRLF, bare LF or bare CR is one
    line end, as it will be when the message is sent (RFC 5322 §2.2, RFC 6376 §5.3); so what
    signs and what verifies reads the same.  Only ``wire`` keeps a bare CR or LF as an octet.
    """
    return None if line_ends == "wire" else WireForm(bare_cr=True)


def looks_stored(beginning: bytes) -> bool:
    """Whether the first line ends in a bare LF: how the rest is written, too."""
    end = beginning.find(b"\n")
    return end >= 0 and not beginning[:end].endswith(b"\r")
