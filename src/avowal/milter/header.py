"""Header fields as the MTA hands them over, back to the octets they had on the wire.

A value comes with its folds as bare LF and, under LEADING_SPACE, with the white space that
followed the colon: ``name + ":" + value`` with the folds as CRLF is the field, octet by octet.
Where a peer sends CRLF it is left so.  An LF that is no fold, which neither Postfix nor
Sendmail sends, becomes CRLF too and stays within its one field.
"""

from __future__ import annotations

from avowal.errors import PeerError
from avowal.message import Header

_NOT_A_FIELD = "'L' (HeaderField): not a name and a value"
_UNSPACED = (b"", b"\t", b"\r")  # a value that begins so had no space eaten


class Gatherer:
    """Collects the fields of one header, up to a number of octets and fields.

    Payloads are kept as they come and read at the end in one loop: this is the hottest
    place of the daemon.
    """

    __slots__ = ("_exact", "_fields", "_limit", "_payloads", "_room")

    def __init__(self, *, exact: bool, octets: int, fields: int) -> None:
        self._exact = exact
        self._limit = self._room = octets
        self._fields = fields
        self._payloads: list[bytes] = []

    def take(self, payload: bytes) -> None:
        """Take the payload of a HEADER packet."""
        self._room -= len(payload)
        if self._room < 0 or len(self._payloads) >= self._fields:
            self._room = -1
            return
        self._payloads.append(payload)

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
        return Header(raws, names, colons)

    @property
    def octets(self) -> int:
        """How many octets were taken; they are held until the message ends."""
        return self._limit - max(self._room, 0)

    @property
    def truncated(self) -> bool:
        """Whether fields were dropped beyond the limits."""
        return self._room < 0
