"""Asking DNS for one message while its body still arrives.

What the cache knows is answered at once, in the callback that asks; only what is not known
costs a task.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from avowal.agenda import Agenda
from avowal.dns.drivers import Wanted, adrive, unknown_to
from avowal.lookup import AsyncResolver, Failure


class Inquiry:
    """Brings an agenda's questions to a resolver, `seconds` of waiting in all."""

    __slots__ = ("_agenda", "_left", "_resolver", "_started_at", "_task", "failed", "seconds")

    def __init__(self, agenda: Agenda, resolver: AsyncResolver, seconds: float) -> None:
        self._agenda = agenda
        self._resolver = resolver
        self._left = seconds
        self._started_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self.failed: BaseException | None = None
        self.seconds: float | None = None
        """How long DNS took; None where nothing was asked or it has not answered."""
        self.go_on()

    def go_on(self) -> None:
        """Ask what is wanted by now."""
        if not self.done:
            return  # the task looks for itself
        unknown = unknown_to(self._resolver, self._agenda)
        if unknown:
            self._started_at = time.monotonic()
            self._task = asyncio.get_running_loop().create_task(self._ask(unknown))

    async def _ask(self, wanted: Wanted) -> None:
        self._left = await adrive(self._agenda, self._resolver, seconds=self._left, wanted=wanted)
        self.seconds = (self.seconds or 0.0) + time.monotonic() - self._started_at

    @property
    def done(self) -> bool:
        """Whether nothing is asked at present."""
        return self._task is None or self._task.done()

    def when_done(self, call: Callable[[], None]) -> None:
        """Call back once the answers are there, or the asking failed."""
        task = self._task
        if task is None or task.done():
            call()
            return

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled():
                self.failed = task.exception()
                call()

        task.add_done_callback(ended)

    def give_up(self, why: Failure | None = None) -> None:
        """Stop asking; with a reason, what has no answer yet fails by it."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if why is not None:
            self._agenda.close(why)
