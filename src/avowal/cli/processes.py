"""Work that several processes share, its results in the order of the tasks.

Processes are forked, so that what they work with need not be sent to them; tasks and results
are.  A process ends when the one that made it does, however that ends.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from threading import Thread
from typing import Generic, Never, TypeVar

from avowal.errors import EnvironmentFault

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2  # tasks of a process at a time: one that it works on, one that waits for it


class _Process(Generic[T, R]):
    """A process that works on the tasks it is sent, one after the other."""

    def __init__(self, work: Callable[[T], R], others: Sequence[_Process[T, R]]) -> None:
        self._channel, theirs = Pipe()
        self._pid = os.fork()
        if self._pid == 0:
            for other in others:
                other._channel.close()  # or it would stay open when our maker ends
            self._channel.close()
            _serve(theirs, work)
        theirs.close()

    def take(self, task: T) -> None:
        """Send a task.  Raises EnvironmentFault."""
        try:
            self._channel.send(task)
        except BrokenPipeError:
            raise self._ended(task) from None

    def result(self, task: T) -> R:
        """Wait for the result of the first task that has none.  Raises EnvironmentFault."""
        try:
            result: R = self._channel.recv()
        except (EOFError, ConnectionResetError):
            raise self._ended(task) from None
        return result

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._channel.close()
        if self._pid:
            os.kill(self._pid, signal.SIGTERM)
            self._waited()

    def _ended(self, task: T) -> EnvironmentFault:
        return EnvironmentFault(f"{task}: the process at work on it ended: {self._waited()}")

    def _waited(self) -> str:
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._pid = 0
        return f"signal {-status}" if status < 0 else f"status {status}"


def in_order(
    work: Callable[[T], R], tasks: Iterable[T], jobs: int, *, here: Callable[[T], bool]
) -> Iterator[tuple[T, R | None]]:
    """Yield each task with its result, in the order of the tasks.

    `jobs` processes work; the tasks that `here` names are left to the caller, when their turn
    comes: they have no result.  Few tasks are taken ahead of what is yielded, so that memory
    does not grow with them.  Raises EnvironmentFault where a process ends.
    """
    team: list[_Process[T, R]] = []
    waiting: deque[tuple[T, Callable[[T], R | None]]] = deque()
    try:
        for _ in range(jobs):
            team.append(_Process(work, team))
        turn = 0
        for task in tasks:
            if here(task):
                waiting.append((task, _left))
            else:
                process = team[turn % jobs]
                turn += 1
                process.take(task)
                waiting.append((task, process.result))
            if len(waiting) >= _AHEAD * jobs:
                first, result = waiting.popleft()
                yield first, result(first)
        for first, result in waiting:
            yield first, result(first)
    finally:
        for one in team:
            one.end()


def _left(task: object) -> None:
    """Leave a task to the caller."""


# -- in the process ------------------------------------------------------------------------------


def _serve(channel: Connection, work: Callable[[T], R]) -> Never:
    """Work until there is nobody any more to work for."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; our maker decides
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        tasks: SimpleQueue[list[T]] = SimpleQueue()
        # Tasks are taken from the pipe at once: two that write to each other would wait for ever.
        Thread(target=_receive, args=(channel, tasks), daemon=True).start()
        while task := tasks.get():
            channel.send(work(task[0]))
        status = 0
    except BrokenPipeError:
        status = 0
    except Exception:  # noqa: BLE001 - the last resort of a process that nobody else watches
        traceback.print_exc()
    finally:
        os._exit(status)


def _receive(channel: Connection, tasks: SimpleQueue[list[T]]) -> None:
    try:
        while True:
            tasks.put([channel.recv()])
    except (EOFError, OSError):
        tasks.put([])
