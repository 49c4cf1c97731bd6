"""What the DNS questions of one message may cost: their number and their time.

A decorator: one `Limited` per message around a resolver that all messages share
(RFC 4686 §4.1.6: a message full of signatures must not keep a verifier busy).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from avowal.dns.wrapper import Wrapper
from avowal.limits import DEFAULT
from avowal.lookup import (
    Answer,
    AsyncResolver,
    Failure,
    Question,
    Resolver,
    aanswers_of,
    answers_of,
)

_OVER_BUDGET = Answer.failed(Failure.BUDGET)
_TOO_LATE = Answer.failed(Failure.DEADLINE)


class Limited(Wrapper):
    """Allow `questions` questions and `seconds` seconds of waiting for their answers.

    Only the time between question and answer counts, so a body that arrives slowly uses
    up nothing; rounds that overlap count each.  Beyond the limits the answers are
    `Failure.BUDGET` and `Failure.DEADLINE`.  A synchronous resolver is stopped in the
    middle of a round only if it is `Bounded`; asynchronous ones always are.
    """

    def __init__(
        self,
        resolver: Resolver | AsyncResolver,
        *,
        questions: int = DEFAULT.dns_questions,
        seconds: float = DEFAULT.dns_seconds,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(resolver)
        self._questions = questions
        self._seconds = seconds
        self._clock = clock

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer what the limits allow, and say so for the rest."""
        allowed, refused = self._admit(questions)
        if not allowed:
            return refused
        started = self._clock()
        inner = self._resolver
        try:
            answers = answers_of(inner, allowed, self._seconds)
        finally:
            self._seconds -= self._clock() - started
        return answers + refused

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        """The same within `seconds`."""
        spared = max(0.0, self._seconds - seconds)
        self._seconds -= spared
        try:
            return self.resolve(questions)
        finally:
            self._seconds += spared

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same for asynchronous callers; an answer that came in time is kept."""
        import asyncio  # noqa: PLC0415 - synchronous callers never load asyncio

        allowed, refused = self._admit(questions)
        if not allowed:
            return refused
        started = self._clock()
        inner = self._aresolver
        asking = [asyncio.ensure_future(aanswers_of(inner, (question,))) for question in allowed]
        try:
            await asyncio.wait(asking, timeout=self._seconds)
            answers = tuple([one.result()[0] if one.done() else _TOO_LATE for one in asking])
        finally:
            for one in asking:
                one.cancel()
            self._seconds -= self._clock() - started
        return answers + refused

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...] | None:
        """Answer a batch if the resolver knows all of it and the limits allow it, else None."""
        if self._seconds <= 0 or len(questions) > self._questions:
            return None
        known = super().recall(questions)
        if known is not None:
            self._questions -= len(known)
        return known

    def _admit(
        self, questions: tuple[Question, ...]
    ) -> tuple[tuple[Question, ...], tuple[Answer, ...]]:
        """Split a batch into what may be asked and the answers of the rest."""
        if self._seconds <= 0:
            return (), (_TOO_LATE,) * len(questions)
        allowed = questions[: self._questions]
        self._questions -= len(allowed)
        return allowed, (_OVER_BUDGET,) * (len(questions) - len(allowed))
