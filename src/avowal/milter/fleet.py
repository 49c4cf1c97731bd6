"""The worker processes: started, heard, counted, killed, and started again.

A `WorkerGeneration` is one configuration at work; the `Fleet` holds all that have workers: the
current one, one that is coming, and those that retire.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from avowal.config.model import Role
from avowal.errors import AvowalError
from avowal.milter import meters
from avowal.milter.journal import LOGGER
from avowal.milter.sockets import ListeningSocket
from avowal.milter.worker import QUIET, READY, Prepared, work

HUSH_SECONDS = 2.0  # for workers to stop taking connections
SILENCE_SECONDS = 60.0  # without a sign of life a worker is killed
_LIVED_WELL = 30.0  # seconds after which a death is no reason to wait
_BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each next start


@dataclass(slots=True)
class Child:
    """A worker process as the supervisor sees it."""

    pid: int
    channel: socket.socket
    seat: int
    started_at: float
    heard_at: float
    ready: bool = False
    quiet: bool = False  # takes no more connections


@dataclass(slots=True)
class WorkerGeneration:
    """One configuration at work: its sockets and its workers, by place."""

    number: int
    prepared: Prepared
    listening: list[ListeningSocket]
    children: dict[int, Child] = field(default_factory=dict)
    deaths: dict[int, int] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)  # when a place is to be filled

    @property
    def size(self) -> int:
        return self.prepared.server.workers

    @property
    def serving(self) -> bool:
        return len(self.children) == self.size and all(c.ready for c in self.children.values())


class Fleet:
    """All workers; words they say arrive through `selector`.

    `health` and `metrics` are the socket of the HTTP end and the directory of its numbers.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self.current: WorkerGeneration | None = None
        self.coming: WorkerGeneration | None = None
        self.retiring: list[WorkerGeneration] = []
        self.health: ListeningSocket | None = None
        self.metrics: str | None = None

    def generations(self) -> Iterator[WorkerGeneration]:
        """All that have workers, or are to have some."""
        yield from (g for g in (self.current, self.coming) if g is not None)
        yield from self.retiring

    @property
    def living(self) -> list[Child]:
        """All workers."""
        return [child for g in self.generations() for child in g.children.values()]

    @property
    def due(self) -> float | None:
        """When the next empty place is to be filled."""
        return min((w for g in self.generations() for w in g.due.values()), default=None)

    def hear(self, child: Child) -> None:
        """Take what a worker said."""
        try:
            words = child.channel.recv(512)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        if not words:
            self._selector.unregister(child.channel)
            child.channel.close()
            child.quiet = True  # it is gone
            return
        child.heard_at = time.monotonic()
        child.ready = child.ready or READY in words
        child.quiet = child.quiet or QUIET in words

    def hush(self, generation: WorkerGeneration) -> None:
        """Wait until workers that were told to retire take no connection any more."""
        until = time.monotonic() + HUSH_SECONDS
        while not all(child.quiet for child in generation.children.values()):
            left = until - time.monotonic()
            if left <= 0:
                LOGGER.warning("workers of generation %d are slow to retire", generation.number)
                return
            for key, _ in self._selector.select(min(left, 0.05)):
                if isinstance(key.data, Child):
                    self.hear(key.data)

    def fill(self, generation: WorkerGeneration) -> None:
        """Start a worker in each empty place whose time has come."""
        now = time.monotonic()
        for place in range(generation.size):
            if place not in generation.children and generation.due.get(place, 0.0) <= now:
                generation.due.pop(place, None)
                self._start(generation, place)

    def _start(self, generation: WorkerGeneration, place: int) -> None:
        seat = self._free_seat()
        ours, theirs = socket.socketpair()
        # What is loaded by now is shared: no collection in a worker writes to its pages.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            self._become_worker(generation, ours, theirs, place, seat)
        gc.unfreeze()  # a generation that ends has to be let go here
        theirs.close()
        ours.setblocking(False)
        now = time.monotonic()
        child = Child(pid, ours, seat, now, now)
        generation.children[place] = child
        self._selector.register(ours, selectors.EVENT_READ, child)

    def _become_worker(
        self,
        generation: WorkerGeneration,
        ours: socket.socket,
        theirs: socket.socket,
        place: int,
        seat: int,
    ) -> None:
        """Go on as a worker; never returns."""
        status = 1
        try:
            ours.close()
            for child in self.living:
                child.channel.close()
            self._selector.close()
            status = work(
                generation.prepared,
                [(one.socket, self._role(generation, one)) for one in generation.listening],
                None if self.health is None else self.health.socket,
                theirs,
                place=place,
                seat=seat,
            )
        except AvowalError as error:
            LOGGER.error("worker: %s", error)
        except Exception:  # noqa: BLE001 - the last resort of a process: logged, and restarted
            LOGGER.exception("worker: program error")
        finally:
            os._exit(status)

    @staticmethod
    def _role(generation: WorkerGeneration, one: ListeningSocket) -> Role:
        return one.listener.role or generation.prepared.role

    def _free_seat(self) -> int:
        taken = {child.seat for child in self.living}
        return next(seat for seat in range(len(taken) + 1) if seat not in taken)

    def reap(self) -> None:
        """Note the workers that ended, and when their places are to be filled again."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for generation in self.generations():
                for place, child in list(generation.children.items()):
                    if child.pid == pid:
                        self._reap_one(generation, place, child, status)

    def _reap_one(
        self, generation: WorkerGeneration, place: int, child: Child, status: int
    ) -> None:
        del generation.children[place]
        if child.channel.fileno() >= 0:
            self._selector.unregister(child.channel)
            child.channel.close()
        if self.metrics is not None:
            meters.forget(child.seat)
        if generation in self.retiring:
            if not generation.children:
                self.retiring.remove(generation)
            return
        lived = time.monotonic() - child.started_at
        deaths = 0 if lived > _LIVED_WELL else generation.deaths.get(place, 0) + 1
        generation.deaths[place] = deaths
        pause = _BACK_OFF[min(deaths, len(_BACK_OFF) - 1)]
        generation.due[place] = time.monotonic() + pause
        code = os.waitstatus_to_exitcode(status)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        LOGGER.error("worker %d ended %s; another starts in %.1f s", child.pid, how, pause)

    def kill_silent(self) -> None:
        """End the workers that show no sign of life."""
        before = time.monotonic() - SILENCE_SECONDS
        for child in self.living:
            if child.heard_at < before:
                LOGGER.error("worker %d shows no sign of life: killed", child.pid)
                os.kill(child.pid, signal.SIGKILL)
                child.heard_at = time.monotonic()

    @staticmethod
    def command(generation: WorkerGeneration, word: bytes) -> None:
        """Say a word to all workers of a generation."""
        for child in generation.children.values():
            try:
                child.channel.send(word)
            except OSError:
                continue  # it is ending by itself
