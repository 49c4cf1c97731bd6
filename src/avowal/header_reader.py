"""Reading a header section chunk by chunk, up to the limits and beyond them.

A section within the limits is split in one go.  Beyond them its fields are let go as they
come, so that neither memory nor work grows faster than the octets; the body begins where it
does.
"""

from __future__ import annotations

import re

from avowal._fast import split_header
from avowal.errors import StateError
from avowal.limits import DEFAULT, Limits
from avowal.message import CRLF, Header
from avowal.overflow import LimitName, Surplus

_BLANK_LINE = b"\r\n\r\n"
_PIECE = 64 << 10  # octets split into fields at a time
_NAME_OCTETS = 1000  # at least as many of a field are looked at before it is let go
_FIELD_END = re.compile(rb"\r\n(?=[^ \t])")


class HeaderReader:
    """Takes chunks of a message until its header section is complete.

    `feed` returns the octets of the body that came along, or None while the header
    goes on; `finish` ends a message that has no blank line.  Then `header` is there; where
    it goes beyond `Limits.header_octets` or `Limits.header_fields`, `Header.beyond` says so.
    """

    __slots__ = ("_limits", "_overflow", "_pending", "header")

    def __init__(self, *, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._pending = bytearray()
        self._overflow: _Overflow | None = None
        self.header: Header | None = None

    def feed(self, chunk: bytes) -> bytes | None:
        """Take the next chunk."""
        if self.header is not None:
            raise StateError("the header is complete: the body is for the verifier or signer")
        if self._overflow is not None:
            return self._beyond(self._overflow, chunk)
        pending = self._pending
        searched = max(0, len(pending) - 3)
        pending += chunk
        if pending.startswith(CRLF):
            self.header = Header.parse(b"")
            return bytes(pending[2:])
        end = pending.find(_BLANK_LINE, searched)
        # Without a blank line yet, the last octet may be the CR of one.
        octets = len(pending) - 1 if end < 0 else end + 2
        if octets <= self._limits.header_octets:
            if end < 0:
                return None
            found = Header.within(bytes(pending), self._limits)
            if found is not None:
                self.header, body = found
                return bytes(body)
        return self._beyond(self._overflowed(), bytes(pending))

    def finish(self) -> Header:
        """End the header, where the message ended without a blank line."""
        if self.header is None and self._overflow is None:
            section = bytes(self._pending)
            found = Header.within(section, self._limits)
            if found is None:
                self._overflowed().feed(section)
            else:
                self.header = found[0]
        if self.header is None:
            self.header = self._overflowed().finish()
        return self.header

    def _overflowed(self) -> _Overflow:
        if self._overflow is None:
            self._overflow = _Overflow(self._limits)
        return self._overflow

    def _beyond(self, overflow: _Overflow, chunk: bytes) -> bytes | None:
        body = overflow.feed(chunk)
        if body is None:
            self._pending.clear()
        else:
            self.header = overflow.header
        return body


class _Overflow:
    """Reads a header section that is beyond a limit, from its beginning.

    `held` begins where a field begins, or within a field that is too long to be kept.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = limits.header_octets
        self._raws: list[bytes] = []
        self._names: list[bytes] = []
        self._colons: list[int] = []
        self._surplus: Surplus | None = None
        self._held = bytearray()
        self._searched = 0  # before it no field ends
        self._skipping = False  # the rest of a field that is not kept

    def feed(self, chunk: bytes) -> bytes | None:
        """Take the next octets; return those of the body once it has begun."""
        for at in range(0, len(chunk), _PIECE):
            self._held += chunk[at : at + _PIECE]
            if self._is_over():
                return bytes(self._held) + chunk[at + _PIECE :]
        return None

    def finish(self) -> Header:
        """End the header where the message ends."""
        if not self._skipping:
            self._take(bytes(self._held))
        return self.header

    @property
    def header(self) -> Header:
        """What was kept, and what is known of the rest."""
        beyond = None
        if self._surplus is not None:
            beyond = self._surplus.beyond(len(self._raws) - self._surplus.kept)
        return Header(self._raws, self._names, self._colons, beyond)

    def _is_over(self) -> bool:
        """Take the fields that are complete; return whether the blank line came."""
        held = self._held
        if self._skipping and not self._skipped():
            return False
        if held.startswith(CRLF):  # where a field would begin
            del held[:2]
            return True
        end = held.find(_BLANK_LINE, max(0, self._searched - 3))
        if end >= 0:
            self._take(bytes(held[: end + 2]))
            del held[: end + 4]
            return True
        last = self._last_end()
        self._take(bytes(held[:last]))
        del held[:last]
        room = self._room if self._surplus is None else 0
        if len(held) > max(room, self._limits.author_octets, _NAME_OCTETS):
            self._begin_skipping()
        self._searched = len(held)
        return False

    def _last_end(self) -> int:
        """Return where the last field ends that another one follows, 0 for none."""
        last = 0
        for match in _FIELD_END.finditer(self._held, max(0, self._searched - 2)):
            last = match.end()
        return last

    def _begin_skipping(self) -> None:
        beginning = bytes(self._held)
        if b":" not in beginning:  # white space that goes on for ever, or no field
            beginning = beginning.rstrip(b" \t") + b":"
        _, names, _ = split_header(beginning)
        self._overflows("header_octets").take(names[0], len(self._held))
        self._skipping = True
        self._skipped()

    def _skipped(self) -> bool:
        """Let go what belongs to the field; return whether the next one begins."""
        held = self._held
        self._searched = 0
        end = _FIELD_END.search(held)
        if end is not None:
            del held[: end.end()]
            self._skipping = False
            return True
        undecided = 2 if held.endswith(CRLF) else held.endswith(b"\r")
        del held[: len(held) - undecided]
        return False

    def _take(self, section: bytes) -> None:
        """Keep whole fields up to the limits, and behind them what the surplus keeps."""
        for raw, name, colon in zip(*split_header(section), strict=True):
            octets = len(raw) + 2
            if self._surplus is None:
                self._room -= octets
                if self._room < 0:
                    self._overflows("header_octets")
                elif len(self._raws) == self._limits.header_fields:
                    self._overflows("header_fields")
            if self._surplus is not None and not self._surplus.take(name, octets):
                continue
            self._raws.append(raw)
            self._names.append(name)
            self._colons.append(colon)

    def _overflows(self, limit: LimitName) -> Surplus:
        if self._surplus is None:
            self._surplus = Surplus(
                limit,
                self._names,
                author_octets=self._limits.author_octets,
                author_fields=self._limits.author_fields,
            )
        return self._surplus
