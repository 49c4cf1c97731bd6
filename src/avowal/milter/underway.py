"""A message on its way through a connection: the work on it, its questions, its times."""

from __future__ import annotations

import asyncio

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

    def drop(self) -> None:
        for timer in self.timers:
            timer.cancel()
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
