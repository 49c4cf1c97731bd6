"""Asking slow assessors without letting mail wait: answers count from the next message on.

Opinions are about a domain's long run, so an answer that is minutes old serves as well as a
fresh one; a message that waits for a reputation service does not.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Sequence

from avowal.reputation.opinions import Assessment, Assessor, Subject, combined

_MOST_WAITING = 1000  # subjects; beyond it a subject is asked about when it comes again
_MOST_KNOWN = 10_000  # subjects


class Background:
    """An assessor in front of a slow one, with a memory and one thread of its own.

    `lifetime` is how many seconds an answer, or the lack of one, is kept.
    """

    def __init__(self, slow: Assessor, *, lifetime: int = 3600) -> None:
        self._slow = slow
        self._lifetime = lifetime
        self._known: OrderedDict[Subject, tuple[int, Assessment]] = OrderedDict()
        self._waiting: queue.Queue[tuple[Subject, int]] = queue.Queue(_MOST_WAITING)
        self._asked: set[Subject] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Return what is known by now, and have the rest asked.  Never waits."""
        found = []
        with self._lock:
            for subject in subjects:
                known = self._known.get(subject)
                if known is not None:
                    found.append(known[1])
                if known is None or known[0] <= now:
                    self._ask(subject, now)
        return combined(found)

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Do the same; it never waits either."""
        return self.assess(subjects, now=now)

    def settle(self) -> None:
        """Wait until everything asked so far is answered, for tests and for an orderly end."""
        self._waiting.join()

    def _ask(self, subject: Subject, now: int) -> None:
        if subject in self._asked:
            return
        try:
            self._waiting.put_nowait((subject, now))
        except queue.Full:
            return
        self._asked.add(subject)
        if self._thread is None:  # not before the first question: workers fork
            self._thread = threading.Thread(target=self._work, name="opinions", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            subject, now = self._waiting.get()
            assessment = self._slow.assess([subject], now=now)
            with self._lock:
                self._asked.discard(subject)
                self._known[subject] = now + self._lifetime, assessment
                self._known.move_to_end(subject)
                if len(self._known) > _MOST_KNOWN:
                    self._known.popitem(last=False)
            self._waiting.task_done()
