"""Bringing an agenda's questions to a resolver, within the time of one message.

A call that waits for DNS more than once is written once, as a `Call` that yields what it
waits for; `complete` runs it with a synchronous resolver, `acomplete` with an asynchronous one.

`drive` serves a synchronous resolver, `adrive` an asynchronous one.  Both take whatever
answer comes in time and let only the rest fail, so that the same set of answers gives the
same outcome.  An asynchronous driver asks every question by itself, all at once.  A
synchronous one sends what is wanted in one batch as long as everything is answered; once a
batch was late it asks rank by rank, and no rank may use up the time of those behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from avowal.agenda import Agenda, Rank
from avowal.lookup import (
    Answer,
    AsyncResolver,
    Failure,
    Question,
    Resolver,
    aanswers_of,
    answers_of,
    recalled,
)

if TYPE_CHECKING:
    from asyncio import Task

T = TypeVar("T")
Wanted: TypeAlias = tuple[tuple[Rank, Question], ...]


class Wait(NamedTuple):
    """An agenda that has to be answered before a call goes on, and the time for it."""

    agenda: Agenda
    seconds: float


Call: TypeAlias = Generator[Wait, float, T]
"""A call in steps: it yields what it waits for and is sent the seconds that are left."""


def complete(call: Call[T], resolver: Resolver) -> T:
    """Run a call to its end with a synchronous resolver.  Raises what the call raises."""
    try:
        wait = next(call)
        while True:
            wait = call.send(drive(wait.agenda, resolver, seconds=wait.seconds))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        call.close()


async def acomplete(call: Call[T], resolver: AsyncResolver) -> T:
    """Do the same with an asynchronous resolver, without blocking."""
    try:
        wait = next(call)
        while True:
            wait = call.send(await adrive(wait.agenda, resolver, seconds=wait.seconds))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        call.close()


def drive(
    agenda: Agenda,
    resolver: Resolver,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Answer what is wanted until nothing is, or `seconds` of waiting have passed.

    Returns the seconds that are left.

    A resolver that cannot be told how long it may take (`lookup.Bounded`) takes its own
    time for a batch; the limit then holds between batches.
    """
    until = clock() + seconds
    wanted: Wanted = ()
    late = False
    while wanted := wanted + agenda.wanted():
        left = until - clock()
        if left <= 0:
            agenda.close(Failure.DEADLINE)
            return 0
        best = min(rank for rank, _ in wanted)
        batch = [one for one in wanted if not late or one[0] == best]
        asked = tuple([question for _, question in batch])
        alone = len(wanted) == 1  # else the other flows will want time for what they ask next
        answers = answers_of(resolver, asked, left if alone else left / 2)
        again: list[tuple[Rank, Question]] = []
        for one, answer in zip(batch, answers, strict=True):
            if answer.failure is Failure.DEADLINE and not (late or alone):
                again.append(one)  # asked with others' questions: it may come in its own turn
            else:
                agenda.take(one[1], answer)
        wanted = (*again, *(one for one in wanted if one not in batch))
        late = late or bool(again)
    return until - clock()


async def adrive(
    agenda: Agenda, resolver: AsyncResolver, *, seconds: float, wanted: Wanted = ()
) -> float:
    """Do the same without blocking; `wanted` was taken from the agenda already."""
    import asyncio  # noqa: PLC0415 - synchronous callers never load asyncio

    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    asking: dict[Task[Answer], Question] = {}
    try:
        while True:
            for _, question in wanted or unknown_to(resolver, agenda):
                asking[loop.create_task(_answer(resolver, question))] = question
            wanted = ()
            if not asking:
                return until - loop.time()
            done, _ = await asyncio.wait(
                asking, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                agenda.take(asking.pop(task), task.result())
            if not done:
                agenda.close(Failure.DEADLINE)
                return 0
    finally:
        for task in asking:
            task.cancel()


def unknown_to(resolver: object, agenda: Agenda) -> Wanted:
    """Answer from a resolver's memory what it holds; return what is left to ask."""
    unknown: list[tuple[Rank, Question]] = []
    while wanted := agenda.wanted():
        asked = tuple([question for _, question in wanted])
        known = recalled(resolver, asked)
        if known is not None:
            for question, answer in zip(asked, known, strict=True):
                agenda.take(question, answer)
            continue
        for rank, question in wanted:
            one = recalled(resolver, (question,)) if len(wanted) > 1 else None
            if one is None:
                unknown.append((rank, question))
            else:
                agenda.take(question, one[0])
    return tuple(unknown)


async def _answer(resolver: AsyncResolver, question: Question) -> Answer:
    (answer,) = await aanswers_of(resolver, (question,))
    return answer
