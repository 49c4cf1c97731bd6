"""Asking DNS for one message while its body still arrives.

What the cache knows is answered at once, in the callback that asks; only what is not known
costs a task.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from avowal.lookup import AsyncResolver, Question, Steps


class Inquiry:
    """Drives a flow with a resolver; `answers` is its result once `done`."""

    __slots__ = ("_task", "answers", "done", "failed", "finished_at", "rounds", "started_at")

    def __init__(self, flow: Steps[Any], resolver: AsyncResolver) -> None:
        self.started_at = time.monotonic()
        self.finished_at: float | None = None
        self.answers: Any = None
        self.done = False
        self.failed: BaseException | None = None
        self.rounds = 0
        self._task: asyncio.Task[None] | None = None
        self._begin(flow, resolver)

    def _begin(self, flow: Steps[Any], resolver: AsyncResolver) -> None:
        recall = getattr(resolver, "recall", None)
        try:
            questions = next(flow)
            while True:
                self.rounds += 1
                known = recall(questions) if recall is not None else None
                if known is None:
                    break
                questions = flow.send(known)
        except StopIteration as stop:
            self._end(stop.value)
            return
        self._task = asyncio.get_running_loop().create_task(self._go_on(flow, questions, resolver))

    async def _go_on(
        self, flow: Steps[Any], questions: tuple[Question, ...], resolver: AsyncResolver
    ) -> None:
        try:
            while True:
                questions = flow.send(await resolver.aresolve(questions))
                self.rounds += 1
        except StopIteration as stop:
            self._end(stop.value)

    def _end(self, answers: Any) -> None:
        self.answers = answers
        self.done = True
        self.finished_at = time.monotonic()

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

    def give_up(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()

    @property
    def seconds(self) -> float | None:
        """How long DNS took; None where nothing was asked or it has not answered."""
        if self.finished_at is None or not self.rounds:
            return None
        return self.finished_at - self.started_at
