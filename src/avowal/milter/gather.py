"""Header fields as the MTA hands them over, back to the octets they had on the wire.

A value comes with its folds as bare LF and, under LEADING_SPACE, with the white space that
followed the colon: ``name + ":" + value`` with the folds as CRLF is the field, octet by octet.
Where a peer sends CRLF it is left so.  An LF that is no fold, which neither Postfix nor
Sendmail sends, becomes CRLF too and stays within its one field.
"""

from __future__ import annotations

from avowal.errors import PeerError
from avowal.message import Header


class Gatherer:
    """Collects the fields of one header, up to a number of octets and fields."""

    __slots__ = ("_colons", "_exact", "_fields", "_names", "_raws", "_room")

    def __init__(self, *, exact: bool, octets: int, fields: int) -> None:
        self._exact = exact
        self._room = octets
        self._fields = fields
        self._raws: list[bytes] = []
        self._names: list[bytes] = []
        self._colons: list[int] = []

    def take(self, payload: bytes) -> None:
        """Take the payload of a HEADER packet.  Raises PeerError if it is not two strings."""
        strings = payload.split(b"\0")
        if len(strings) != 3 or strings[2]:
            raise PeerError("'L' (HeaderField): not a name and a value")
        name, value, _ = strings
        self._room -= len(payload)
        if self._room < 0 or len(self._raws) >= self._fields:
            self._room = -1
            return
        if b"\n" in value:
            value = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if self._exact or value[:1] in (b"", b"\t", b"\r"):
            self._raws.append(name + b":" + value)
        else:
            # Deliberate: without LEADING_SPACE the MTA ate one space, or there was none.
            self._raws.append(name + b": " + value)
        self._names.append(name.rstrip(b" \t").lower())
        self._colons.append(len(name))

    @property
    def header(self) -> Header:
        """The fields taken so far."""
        return Header(self._raws, self._names, self._colons)

    @property
    def truncated(self) -> bool:
        """Whether fields were dropped beyond the limits."""
        return self._room < 0
