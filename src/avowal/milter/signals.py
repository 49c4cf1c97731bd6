"""Signals as words in a pipe, so that a program without threads takes each at its own time.

A signal interrupts wherever it comes.  A program that makes sockets and files has to take them
away at its end, so that from before the first of them signals are only written down here; where
nothing was made yet and reading may take long, `breakable` lets a request to end come through.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STOPS: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_CAUGHT: Final = (*STOPS, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


class StoppedEarly(BaseException):
    """SIGTERM or SIGINT came within `Signals.breakable`; no `except Exception` keeps it."""


class Signals:
    """The signals that came; `pipe` can be read when there are some."""

    def __init__(self) -> None:
        """Catch them from now on."""
        self._breakable = False
        self.pipe, self._written = socket.socketpair()
        for end in (self.pipe, self._written):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._take) for number in _CAUGHT}

    def close(self) -> None:
        """Leave signals as they were: a program may run a daemon within itself, and go on."""
        for number, handler in self._before.items():
            if handler is not None:  # one that Python did not set cannot be set by it again
                signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self.pipe.close()
        self._written.close()

    def _take(self, number: int, _frame: object) -> None:
        if self._breakable and number in STOPS:
            raise StoppedEarly  # else the pipe says it

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """Raise StoppedEarly when a request to end comes, or has come, within the block."""
        try:
            self._breakable = True
            if STOPS.intersection(self.heard()):
                raise StoppedEarly
            yield
        finally:
            self._breakable = False

    def heard(self) -> list[int]:
        """Return the signals that came since the last time, in order."""
        try:
            return list(self.pipe.recv(512))
        except BlockingIOError:
            return []
