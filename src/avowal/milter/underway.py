"""A message on its way through a connection: the work on it, its questions, its times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from avowal.agenda import Slot
from avowal.milter.inquiry import Inquiry
from avowal.milter.journal import Facts
from avowal.milter.service import Job, MilterVerdict
from avowal.milter.session import FilterSession


class Underway:
    """A message on its way: the work on it, its questions, its times."""

    __slots__ = ("ended_at", "fault", "inquiry", "job", "slot", "task", "timers")

    def __init__(self) -> None:
        self.job: Job | None = None
        self.slot: Slot[MilterVerdict] | None = None
        self.inquiry: Inquiry | None = None
        self.fault: str | None = None
        self.ended_at = 0.0
        self.task: asyncio.Task[None] | None = None
        self.timers: list[asyncio.TimerHandle] = []

    def wait(
        self, every: float, ask: Callable[[], None], at_most: float, give_up: Callable[[], None]
    ) -> None:
        """While nothing is decided call `ask` every so many seconds, and `give_up` at the end."""
        if not self.timers:
            loop = asyncio.get_running_loop()
            self.timers = [
                loop.call_later(every, self._again, every, ask),
                loop.call_later(at_most, give_up),
            ]

    def _again(self, every: float, ask: Callable[[], None]) -> None:
        ask()
        if self.timers:
            self.timers[0] = asyncio.get_running_loop().call_later(every, self._again, every, ask)

    def drop(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers = []
        if self.inquiry is not None:
            self.inquiry.give_up()
        if self.task is not None:
            self.task.cancel()


def names_of(session: FilterSession) -> Facts:
    """Say who it is about, for the log."""
    names: Facts = {}
    queue_id = session.macros.get("i")
    if queue_id:
        names["queue_id"] = queue_id.decode("utf-8", "backslashreplace")
    connection = session.connection
    if connection is not None and connection.address is not None:
        names["client"] = connection.address.decode("utf-8", "backslashreplace")
    return names
