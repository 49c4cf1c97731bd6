"""The reports that are kept: in memory only, so many and so long; the oldest give way."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from avowal.web.report import Report


class KeptReport(NamedTuple):
    """A report, the name it is asked for by, and when it was made (of a clock that only rises)."""

    name: str
    report: Report
    at: float


class Kept:
    """Keeps the newest reports; the octets of a message are not among them."""

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._reports: dict[str, KeptReport] = {}

    def add(self, report: Report) -> str:
        """Keep a report; return the name to ask for it by, which nobody can guess."""
        name = secrets.token_urlsafe(9)
        with self._lock:
            self._let_go()
            while len(self._reports) >= self._most:
                del self._reports[next(iter(self._reports))]
            self._reports[name] = KeptReport(name, report, self._clock())
        return name

    def find(self, name: str) -> Report | None:
        """Return a report, None where it is not kept any more."""
        with self._lock:
            self._let_go()
            found = self._reports.get(name)
        return None if found is None else found.report

    def all(self) -> tuple[KeptReport, ...]:
        """Return what is kept, the newest first."""
        with self._lock:
            self._let_go()
            return tuple(reversed(self._reports.values()))

    def forget(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._reports.clear()

    def _let_go(self) -> None:
        end = self._clock() - self._seconds
        for name in [name for name, one in self._reports.items() if one.at < end]:
            del self._reports[name]
