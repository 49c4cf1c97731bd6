"""A cache before any resolver: answers until their TTL, equal questions asked once.

A decorator for resolvers that many messages, threads and event loops share
(RFC 4686 §4.1.7).  An answer is never served beyond its TTL (§4.1.10: a revoked key must
go), unless the operator allows it by `min_ttl` or `stale_if_error`.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from avowal.dns.wrapper import Wrapper
from avowal.lookup import (
    Answer,
    AsyncResolver,
    Failure,
    Outcome,
    Question,
    Resolver,
    aanswers_of,
    answers_of,
)

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

_Key: TypeAlias = tuple[str, str]
_Batch: TypeAlias = dict[_Key, Question]
_Answers: TypeAlias = dict[_Key, Answer]
# What one entry may hold; twice what a key record may have (limits.Limits).
_MAX_KEPT_OCTETS = 16 << 10
# Memory besides the octets of name and records, on 64 bits (tests/unit/dns/test_cache.py
# measures it): of an entry with its key, and of one record.
_ENTRY_OCTETS = 640
_RECORD_OCTETS = 41
_TOO_LATE = Answer.failed(Failure.DEADLINE)
# Limits of one message: they say nothing about the name.
_OF_ONE_MESSAGE = frozenset({Failure.BUDGET, Failure.DEADLINE})


def memory(key: _Key, answer: Answer) -> int:
    """Return how many octets of memory an entry takes, not only its records' own."""
    return (
        _ENTRY_OCTETS
        + len(key[0])
        + sum(map(len, answer.records))
        + _RECORD_OCTETS * len(answer.records)
    )


class _Entry:
    """An answer, its two ends, the second for which `answer.ttl` is right, and its memory."""

    __slots__ = ("answer", "expires", "gone", "octets", "second")

    def __init__(
        self, answer: Answer, octets: int, now: float, lifetime: float, stale: float
    ) -> None:
        self.answer = answer
        self.octets = octets
        self.second = int(now)
        self.expires = now + lifetime
        self.gone = self.expires + stale

    def current(self, now: float) -> Answer:
        """The answer with the TTL it has left."""
        if int(now) != self.second:
            self.second = int(now)
            self.answer = replace(self.answer, ttl=int(self.expires - now))
        return self.answer

    def may_serve(self, now: float) -> bool:
        """Whether the answer may stand in for one that failed."""
        return now < self.gone and self.answer.outcome is not Outcome.FAILED


class _Pending:
    """A question that a thread asks: other threads wait for its end.

    It ends with None when its thread has no answer for others; then they ask for themselves.
    """

    __slots__ = ("answer", "ended")

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.ended = threading.Event()


class Cached(Wrapper):
    """Keep at most `entries` answers in `octets` of memory, the least recently used going first.

    Times in seconds.  `min_ttl` and `max_ttl` bound what positive answers say, and
    `negative_ttl` bounds NO_NAME and NO_DATA from above (RFC 2308 §5: one to three hours).
    Failures are kept `failure_ttl` (RFC 9520 §3.2), those of one message's limits never.
    `stale_if_error` serves an expired answer that much longer while the resolver fails
    (RFC 8767 §4); 0 never does.  `clock` only has to run forward.
    """

    def __init__(
        self,
        resolver: Resolver | AsyncResolver,
        *,
        entries: int = 10_000,
        octets: int = 64 << 20,
        max_ttl: float = 86_400,
        min_ttl: float = 0,
        negative_ttl: float = 3600,
        failure_ttl: float = 2,
        stale_if_error: float = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(resolver)
        self._size = entries
        self._most_octets = octets
        self._octets = 0
        self._max_ttl = max_ttl
        self._min_ttl = min_ttl
        self._negative_ttl = negative_ttl
        self._failure_ttl = failure_ttl
        self._stale = stale_if_error
        self._clock = clock
        self._kept: OrderedDict[_Key, _Entry] = OrderedDict()
        # Threads wait for threads and tasks for tasks of their own loop, never across: a
        # thread that runs a loop would wait for itself.
        self._pending: dict[_Key, _Pending] = {}
        self._tasks: dict[tuple[AbstractEventLoop, _Key], Task[Answer]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def octets(self) -> int:
        """How much memory the answers take."""
        return self._octets

    def clear(self) -> None:
        """Forget every answer; questions under way are still answered."""
        with self._lock:
            self._kept.clear()
            self._octets = 0

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer from memory what is there, ask for the rest."""
        return self._resolve(questions, None)

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        """The same within `seconds`; waiting for another thread's question counts too."""
        return self._resolve(questions, time.monotonic() + seconds)

    def _resolve(self, questions: tuple[Question, ...], until: float | None) -> tuple[Answer, ...]:
        keys, answers, missing = self._remembered(questions)
        while missing:
            mine, others = self._divide(missing, answers)
            answers |= self._ask(mine, until)
            for key, one in others.items():
                if not one.ended.wait(_left(until)):
                    answers[key] = _TOO_LATE
                elif one.answer is not None:
                    answers[key] = one.answer
            missing = {key: asked for key, asked in missing.items() if key not in answers}
        return tuple(map(answers.__getitem__, keys))

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same for asynchronous callers; cancelling one leaves the others waiting."""
        keys, answers, missing = self._remembered(questions)
        if missing:
            # Here: synchronous callers, and answers from memory, never load asyncio.
            from asyncio import create_task, gather, get_running_loop, shield  # noqa: PLC0415

            loop = get_running_loop()
            for key, asked in missing.items():
                if (loop, key) not in self._tasks:
                    # A task of its own, because its caller may be cancelled, and for each
                    # question, because its neighbour may hang: others wait for this one.
                    self._tasks[loop, key] = create_task(self._aask(key, asked, loop))
            tasks = [self._tasks[loop, key] for key in missing]
            answers.update(zip(missing, await gather(*map(shield, tasks)), strict=True))
        return tuple(map(answers.__getitem__, keys))

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...] | None:
        """Answer a batch if it is in memory here or there, else None: for who must not wait."""
        keys, answers, missing = self._remembered(questions)
        if missing:
            known = super().recall(tuple(missing.values()))
            if known is None:
                return None
            answers |= self._keep(missing, known)
        return tuple(map(answers.__getitem__, keys))

    def _remembered(self, questions: tuple[Question, ...]) -> tuple[list[_Key], _Answers, _Batch]:
        """Return the keys of a batch, the answers that are known, and the rest."""
        keys = [(question.name.lower(), question.type) for question in questions]
        answers: _Answers = {}
        missing: _Batch = {}
        with self._lock:
            now = self._clock()
            for key, question in zip(keys, questions, strict=True):
                entry = self._kept.get(key)
                if entry is not None and now < entry.expires:
                    self._kept.move_to_end(key)
                    answers[key] = entry.current(now)
                else:
                    missing[key] = question
        return keys, answers, missing

    def _divide(self, missing: _Batch, answers: _Answers) -> tuple[_Batch, dict[_Key, _Pending]]:
        """Divide questions into those to ask now and those that another thread is asking."""
        mine: _Batch = {}
        others: dict[_Key, _Pending] = {}
        with self._lock:
            now = self._clock()
            for key, question in missing.items():
                entry = self._kept.get(key)
                if entry is not None and now < entry.expires:  # answered since we looked
                    answers[key] = entry.current(now)
                elif key in self._pending:
                    others[key] = self._pending[key]
                else:
                    self._pending[key] = _Pending()
                    mine[key] = question
        return mine, others

    def _ask(self, mine: _Batch, until: float | None) -> _Answers:
        """Ask, and let those who wait know."""
        if not mine:
            return {}
        answers: _Answers = {}
        resolver = self._resolver
        asked = tuple(mine.values())
        try:
            got = answers_of(resolver, asked, _left(until))
            answers = self._keep(mine, got)
        finally:
            with self._lock:
                pending = {key: self._pending.pop(key) for key in mine}
            for key, one in pending.items():
                answer = answers.get(key)
                if answer is not None and answer.failure not in _OF_ONE_MESSAGE:
                    one.answer = answer
                one.ended.set()
        return answers

    async def _aask(self, key: _Key, question: Question, loop: AbstractEventLoop) -> Answer:
        """Ask on the event loop; the task itself is what others wait for."""
        resolver = self._aresolver
        try:
            got = await aanswers_of(resolver, (question,))
            return self._keep({key: question}, got)[key]
        finally:
            del self._tasks[loop, key]

    def _keep(self, mine: _Batch, got: tuple[Answer, ...]) -> _Answers:
        """Store new answers; return them, or old ones where a failure allows that."""
        answers: _Answers = {}
        with self._lock:
            now = self._clock()
            for key, answer in zip(mine, got, strict=True):
                old = self._kept.get(key)
                if answer.outcome is Outcome.FAILED and old is not None and old.may_serve(now):
                    # Stale, and not to be asked for again at once (RFC 8767 §5).
                    old.expires = min(now + self._failure_ttl, old.gone)
                    answers[key] = old.answer = replace(old.answer, ttl=0)
                    continue
                answers[key] = answer
                octets = memory(key, answer)
                lifetime = self._lifetime(answer)
                if lifetime > 0 and octets <= _MAX_KEPT_OCTETS:
                    if old is not None:
                        self._octets -= old.octets
                    self._kept[key] = _Entry(answer, octets, now, lifetime, self._stale)
                    self._kept.move_to_end(key)
                    self._octets += octets
            while len(self._kept) > self._size or self._octets > self._most_octets:
                self._octets -= self._kept.popitem(last=False)[1].octets
        return answers

    def _lifetime(self, answer: Answer) -> float:
        """How long an answer may be kept, in seconds."""
        if answer.outcome is Outcome.FOUND:
            return min(max(answer.ttl, self._min_ttl), self._max_ttl)
        if answer.outcome is Outcome.FAILED:
            return 0 if answer.failure in _OF_ONE_MESSAGE else self._failure_ttl
        return min(answer.ttl, self._negative_ttl)


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())
