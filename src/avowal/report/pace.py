"""In which order and how fast mails leave: a queue per destination, which no other waits for.

A receiver that gets a burst from us blocks us; one that is slow must not hold up the rest.
Threads take what may leave; `Pace` decides, and reads no clock.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from avowal.errors import AvowalError, PeerError

T = TypeVar("T")


@dataclass(slots=True)
class _Line(Generic[T]):
    """What waits for one destination; `free_at` is when the next may leave."""

    jobs: deque[T] = field(default_factory=deque)
    free_at: float = 0.0
    busy: bool = False


class Pace(Generic[T]):
    """Mails by destination: one at a time each, `interval` seconds from one to the next."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._lines: OrderedDict[str, _Line[T]] = OrderedDict()
        self.waiting = 0

    def put(self, destination: str, job: T) -> None:
        """Let a mail wait."""
        self._lines.setdefault(destination, _Line()).jobs.append(job)
        self.waiting += 1

    def pick(self, now: float) -> tuple[str, T] | None:
        """Take a mail that may leave now, destinations in turn; `left` has to be told."""
        for destination, line in self._lines.items():
            if line.jobs and not line.busy and line.free_at <= now:
                line.busy, line.free_at = True, now + self._interval
                self._lines.move_to_end(destination)
                self.waiting -= 1
                return destination, line.jobs.popleft()
        return None

    def left(self, destination: str, now: float) -> None:
        """Note that a mail to a destination has left, or has not."""
        self._lines[destination].busy = False
        for name in [n for n, one in self._lines.items() if not one.jobs and not one.busy]:
            if self._lines[name].free_at <= now:
                del self._lines[name]

    def next_at(self) -> float | None:
        """Return when the next mail may leave that need not wait for another; None: none."""
        times = [one.free_at for one in self._lines.values() if one.jobs and not one.busy]
        return min(times, default=None)


class Dispatcher(Generic[T]):
    """Sends what it is given in `threads`, at the pace of each destination.

    At most `most` mails wait: whoever puts more has to wait.
    """

    def __init__(
        self,
        send: Callable[[T], None],
        *,
        interval: float,
        threads: int = 4,
        most: int = 1000,
    ) -> None:
        self._send = send
        self._most = most
        self._pace: Pace[T] = Pace(interval)
        self._changed = threading.Condition()
        self._ending = False
        self._fault: AvowalError | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"send-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, destination: str, job: T) -> None:
        """Let a mail leave when it may; waits while too many wait.  Raises what `send` raised."""
        with self._changed:
            self._changed.wait_for(self._has_room)
            self._raise()
            self._pace.put(destination, job)
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until everything has left.  Raises what `send` raised."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._raise()

    def _has_room(self) -> bool:
        return self._pace.waiting < self._most or self._fault is not None

    def _raise(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        while (taken := self._taken()) is not None:
            destination, job = taken
            fault: AvowalError | None = PeerError("a program error ended the sending")
            try:
                self._send(job)
                fault = None
            except AvowalError as told:
                fault = told
            finally:
                with self._changed:
                    self._fault = self._fault or fault
                    self._pace.left(destination, time.monotonic())
                    self._changed.notify_all()

    def _taken(self) -> tuple[str, T] | None:
        """Wait for a mail that may leave; None where all have left, or a fault ended it."""
        with self._changed:
            while True:
                if self._fault is not None or (self._ending and not self._pace.waiting):
                    return None
                now = time.monotonic()
                taken = self._pace.pick(now)
                if taken is not None:
                    return taken
                next_at = self._pace.next_at()
                self._changed.wait(None if next_at is None else max(0.0, next_at - now))
