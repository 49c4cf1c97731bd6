"""The framing of the milter protocol: a stream of octets to frames and back.

    frame   = length command payload
    length  = 4 octets, big endian; counts the command and the payload
    command = 1 octet

What a frame means is `packets`, when it may come is `states` and `session`.

The contract: for any octets and any cut of them `Decoder.feed` returns the same
frames, and raises nothing but PeerError.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from avowal.errors import PeerError, UsageError

PACKET_OCTETS = 1 << 20
"""Longest packet taken by default: the largest "max data" any MTA can be built with."""

Frame = tuple[int, bytes]
"""One packet undecoded: command octet and payload.  A tuple, for this is the hot loop."""

_LENGTH = Struct("!I")
_length_at: Callable[[bytes | bytearray, int], tuple[int]] = _LENGTH.unpack_from


def frame(command: int, payload: bytes = b"") -> bytes:
    """Return the octets of one packet."""
    if len(payload) >= 1 << 32:
        raise UsageError("a milter packet cannot be longer than 4 GiB")
    return b"%b%c%b" % (_LENGTH.pack(len(payload) + 1), command, payload)


class Decoder:
    """Cuts a stream into frames, whatever the pieces it arrives in.

    A payload is copied once; one that spans reads, twice.  Memory is bounded by the
    packet limit and the size of one read.
    """

    __slots__ = ("_limit", "_tail", "spoiled")

    def __init__(self, *, packet_octets: int = PACKET_OCTETS) -> None:
        self._limit = packet_octets
        self._tail = bytearray()  # the beginning of a packet whose end has not come
        self.spoiled = False
        """Whether what comes next is no packet."""

    def feed(self, octets: bytes) -> list[Frame]:
        """Return each frame that is complete with these octets.

        Raises PeerError for a length of 0 or beyond the limit, but gives the frames before it
        first: then the decoder is `spoiled`, and the next call raises.
        """
        frames: list[Frame] = []
        at = 0
        if self._tail:
            at = self._join(octets)
            if at < 0:
                return frames
            with memoryview(self._tail) as tail:
                frames.append((tail[4], bytes(tail[5:])))
            self._tail.clear()
        size = len(octets)
        limit = self._limit
        while size - at >= 4:
            (length,) = _length_at(octets, at)
            if not 0 < length <= limit:
                if not frames:
                    raise self._bad_length(length)
                self.spoiled = True
                break
            start = at + 5
            end = start + length - 1
            if end > size:
                break
            at = end
            frames.append((octets[start - 1], octets[start:end]))
        if at < size:
            self._tail += memoryview(octets)[at:]
        return frames

    def _join(self, octets: bytes) -> int:
        """Complete the packet in the tail; return where the next begins, -1 for not yet."""
        tail = self._tail
        at = 0
        if len(tail) < 4:
            at = 4 - len(tail)
            tail += octets[:at]
            if len(tail) < 4:
                return -1
        (length,) = _length_at(tail, 0)
        if not 0 < length <= self._limit:
            raise self._bad_length(length)
        end = at + 4 + length - len(tail)
        tail += memoryview(octets)[at:end]
        return end if len(tail) == 4 + length else -1

    def _bad_length(self, length: int) -> PeerError:
        if length == 0:
            return PeerError("a milter packet of length 0, which has no room for its command")
        return PeerError(
            f"a milter packet of {length} octets, beyond the limit of {self._limit}: "
            "either no milter speaks there or milter_packet_octets is too low"
        )

    @property
    def held_octets(self) -> int:
        """How many octets of an unfinished packet are kept."""
        return len(self._tail)
