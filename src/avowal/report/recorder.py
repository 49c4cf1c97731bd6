"""Writing events beside the mail's way: a bounded queue and a thread that nobody waits for.

Whoever answers for a message calls `take`, which never waits; what finds no room is dropped
and counted, in the store too once that can be written.  While it cannot, what waits is kept
and tried again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from avowal.dates import DAY
from avowal.errors import EnvironmentFault
from avowal.report.event import Event
from avowal.report.event_store import DoubtfulWrite, EventSink, LostEvents

PAUSE: Final = 0.2
"""Seconds between two batches: what a kill can lose, less than the second we promise."""
_MOST_BATCH = 2000  # events in one transaction
_RETRY = 1.0  # seconds until a store that failed is tried again
_QUIET = 60.0  # seconds in which a trouble is told once

Outcome: TypeAlias = Literal["recorded", "dropped"]
Trouble: TypeAlias = Literal["waiting", "dropped"]


class Recorder:
    """Takes events and writes them in a thread of its own, which starts with the first one.

    `open_sink` is called in the thread.  `count` is told how many events were recorded or
    dropped, `tell` what an operator should know: each kind of trouble at most once a minute.
    """

    def __init__(
        self,
        open_sink: Callable[[], EventSink],
        *,
        waiting: int = 10_000,
        count: Callable[[Outcome, int], None] = lambda outcome, number: None,
        tell: Callable[[str], None] = lambda sentence: None,
        pause: float = PAUSE,
    ) -> None:
        self._open_sink = open_sink
        self._count = count
        self._tell = tell
        self._pause = pause
        self._queue: queue.Queue[Event] = queue.Queue(waiting)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: dict[Trouble, float] = {}
        self._wrote: Callable[[], bool] | None = None  # of a batch that may be there already
        self._lost = Counter[tuple[int, str]]()  # not yet put down in the store
        self._counting = threading.Lock()  # of what is lost, for no longer than an addition
        self.taken = 0
        self.recorded = 0
        self.dropped = 0

    def take(self, event: Event) -> None:
        """Take an event.  Never waits, raises nothing."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self._note_lost({(event.time // DAY, event.host): 1})
            self._drop(1, "events are dropped: too many wait to be written")
            return
        self.taken += 1
        if self._thread is None:  # not before there is something to do: workers fork
            self._thread = threading.Thread(target=self._work, name="events", daemon=True)
            self._thread.start()

    def settle(self, seconds: float) -> None:
        """Write what waits and stop, but do not wait for ever."""
        thread = self._thread
        self._ending.set()
        if thread is not None:
            thread.join(seconds)
        left = self.taken - self.recorded
        if left:
            self._told.clear()
            self._drop(left, f"stopped with {left} events not written")

    def _drop(self, number: int, why: str) -> None:
        self.dropped += number
        self._count("dropped", number)
        self._say("dropped", why)

    def _say(self, trouble: Trouble, why: str) -> None:
        now = time.monotonic()
        told = self._told.get(trouble)  # one must not keep the other quiet: it is its cause
        if told is None or now - told >= _QUIET:
            self._told[trouble] = now
            self._tell(why)

    # -- the thread ----------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._write_all()
        finally:
            self._thread = None  # whatever ended it, the next event begins again

    def _write_all(self) -> None:
        sink: EventSink | None = None
        while True:
            batch = self._batch()
            while batch:
                sink, batch = self._written(sink, batch)
                if batch and self._ending.wait(_RETRY):
                    return
            if self._ending.wait(self._pause) and self._queue.empty():
                if sink is not None:
                    self._put_down_lost(sink)
                    sink.close()
                return

    def _batch(self) -> list[Event]:
        """Return what waits, at least one event unless we are ending."""
        batch: list[Event] = []
        while not batch and not (self._ending.is_set() and self._queue.empty()):
            try:
                batch.append(self._queue.get(timeout=self._pause))
            except queue.Empty:
                continue
        try:
            while len(batch) < _MOST_BATCH:
                batch.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _written(
        self, sink: EventSink | None, batch: list[Event]
    ) -> tuple[EventSink | None, list[Event]]:
        """Write a batch; return the sink to go on with, and what is still to be written."""
        try:
            opened = self._open_sink() if sink is None else sink
        except EnvironmentFault as fault:
            self._say("waiting", f"events wait: {fault}")
            return None, batch
        try:
            if self._wrote is None or not self._wrote():
                self._wrote = None
                opened.append(batch)
        except EnvironmentFault as fault:
            if isinstance(fault, DoubtfulWrite):
                self._wrote = fault.wrote
            self._say("waiting", f"events wait: {fault}")
            opened.close()
            return None, batch
        self._wrote = None
        self.recorded += len(batch)
        self._count("recorded", len(batch))
        self._put_down_lost(opened)
        return opened, []

    # -- what is lost ----------------------------------------------------------------------

    def _note_lost(self, lost: LostEvents) -> None:
        with self._counting:
            self._lost.update(lost)

    def _put_down_lost(self, sink: EventSink) -> None:
        """Count in the store what was dropped since; what cannot be is kept for the next time."""
        with self._counting:
            lost, self._lost = self._lost, Counter()
        if not lost:
            return
        try:
            sink.note_lost(lost)
        except EnvironmentFault as fault:
            self._note_lost(lost)
            self._say("waiting", f"what was dropped is not counted in the store yet: {fault}")
