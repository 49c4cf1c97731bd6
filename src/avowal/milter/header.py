"""Header fields as the MTA hands them over, back to the octets they had on the wire.

A value comes with its folds as bare LF and, under LEADING_SPACE, with the white space that
followed the colon: ``name + ":" + value`` with the folds as CRLF is the field, octet by octet.
Where a peer sends CRLF it is left so.  An LF that is no fold, which neither Postfix nor
Sendmail sends, becomes CRLF too and stays within its one field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from avowal.errors import PeerError
from avowal.message import Header
from avowal.milter.events import SessionLimits
from avowal.milter.wire import Frame
from avowal.overflow import Surplus

_L: Final = ord("L")
_NOT_A_FIELD = "'L' (HeaderField): not a name and a value"
_UNSPACED = (b"", b"\t", b"\r")  # a value that begins so had no space eaten


class Gatherer:
    """Collects the fields of one header, up to the limits and beyond them.

    Payloads are kept as they come and read at the end in one loop: this is the hottest
    place of the daemon.
    """

    __slots__ = ("_authors", "_exact", "_limits", "_payloads", "_room", "_surplus")

    def __init__(self, limits: SessionLimits, *, exact: bool) -> None:
        self._exact = exact
        self._limits = limits
        self._room = limits.header_octets
        self._payloads: list[bytes] = []
        self._authors = 0  # octets of From fields kept beyond the limits
        self._surplus: Surplus | None = None

    def take(self, frames: Sequence[Frame], at: int = 0) -> int:
        """Take the HEADER packets that stand from a place on; return the place behind them."""
        payloads, most = self._payloads, self._limits.header_fields
        for place in range(at, len(frames)):
            command, payload = frames[place]
            if command != _L:
                return place
            # At most what the field has on the wire: its CRLF, a colon and a space for two NULs.
            self._room -= len(payload) + payload.count(b"\n") + 2
            if self._room < 0 or len(payloads) >= most:
                self._take_beyond(payload)
            else:
                payloads.append(payload)
        return len(frames)

    def _take_beyond(self, payload: bytes) -> None:
        if self._surplus is None:
            limits = self._limits
            self._surplus = Surplus(
                "header_octets" if self._room < 0 else "header_fields",
                map(_name, self._payloads),
                author_octets=limits.author_octets,
                author_fields=limits.author_fields,
                watched=limits.watched,
            )
        if self._surplus.take(_name(payload), len(payload)):
            self._payloads.append(payload)
            self._authors += len(payload)

    def header(self) -> Header:
        """Return the fields taken.  Raises PeerError for a payload that is not two strings."""
        raws, names, colons = [], [], []
        exact = self._exact
        try:
            for payload in self._payloads:
                name, value, rest = payload.split(b"\0")
                if rest:
                    raise PeerError(_NOT_A_FIELD)
                if b"\n" in value:
                    if b"\r" in value:
                        value = value.replace(b"\r\n", b"\n")
                    value = value.replace(b"\n", b"\r\n")
                if exact or value[:1] in _UNSPACED:
                    raws.append(name + b":" + value)
                else:
                    # Deliberate: without LEADING_SPACE the MTA ate one space, or there was none.
                    raws.append(name + b": " + value)
                names.append(name.rstrip(b" \t").lower())
                colons.append(len(name))
        except ValueError:  # not three pieces
            raise PeerError(_NOT_A_FIELD) from None
        beyond = None
        if self._surplus is not None:
            beyond = self._surplus.beyond(len(raws) - self._surplus.kept)
        return Header(raws, names, colons, beyond)

    @property
    def octets(self) -> int:
        """How many octets were taken; they are held until the message ends."""
        return self._limits.header_octets - max(self._room, 0) + self._authors


def _name(payload: bytes) -> bytes:
    return payload.partition(b"\0")[0].rstrip(b" \t").lower()
