"""How many reports left in this hour, of all workers together.

Memory that workers share when they are forked holds a number for each; a worker writes its own
alone, so no lock is needed that a killed one could keep.  Whoever asks counts himself first and
then adds up: together they never pass the bound.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator

_SECONDS = 3600
_SEATS = 1024  # more than there can be workers; two that share one count a little too much
_SEAT = struct.Struct("=II")  # the hour, how many


class SharedHour:
    """Counts what is done in an hour of the clock, for all processes forked from this one."""

    def __init__(self, most: int, now: Callable[[], float] = time.time) -> None:
        """Take the bound.  To be made before workers are forked."""
        self._most = most
        self._now = now
        self._shared = mmap.mmap(-1, _SEATS * _SEAT.size)

    def take(self) -> int:
        """Count one more; return by how many that is above the bound, 0 where it is allowed."""
        hour = int(self._now()) // _SECONDS
        place = os.getpid() % _SEATS * _SEAT.size
        mine: tuple[int, int] = _SEAT.unpack_from(self._shared, place)
        _SEAT.pack_into(self._shared, place, hour, mine[1] + 1 if mine[0] == hour else 1)
        seats: Iterator[tuple[int, int]] = _SEAT.iter_unpack(self._shared[:])
        everything = sum(number for written, number in seats if written == hour)
        return max(0, everything - self._most)
