"""Drivers of an agenda: what comes in time counts, sync and async alike."""

from __future__ import annotations

import asyncio

import pytest

from avowal.agenda import Agenda, Rank, Slot
from avowal.dns.drivers import adrive, drive
from avowal.lookup import Answer, Failure, Question, Steps, ask

FOUND = Answer.found(b"x")
LATE = Answer.failed(Failure.DEADLINE)
HANGS = "hangs.example"


def asking(*names: str) -> Steps[list[Answer]]:
    """One question after the other."""
    answers: list[Answer] = []
    for name in names:
        answers += yield from ask(Question(name))
    return answers


class Scripted:
    """Answers everything at once, but the name that hangs until the time it was given is over."""

    def __init__(self) -> None:
        self.now = 0.0
        self.batches: list[set[str]] = []

    def clock(self) -> float:
        return self.now

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        raise AssertionError("a time is known")

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        self.batches.append({question.name for question in questions})
        if any(question.name == HANGS for question in questions):
            self.now += seconds
        return tuple(LATE if question.name == HANGS else FOUND for question in questions)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        for question in questions:
            if question.name == HANGS:
                await asyncio.Event().wait()
        return (FOUND,) * len(questions)


def crowded() -> tuple[Agenda, list[Slot[list[Answer]]]]:
    """A policy in three rounds beside a name that hangs in each other rank."""
    agenda = Agenda()
    policy = agenda.add(asking("a.example", "b.example", "c.example"), Rank.POLICY)
    others = [agenda.add(asking(HANGS), rank) for rank in (Rank.SPF, Rank.REST)]
    return agenda, [policy, *others]


def test_questions_of_all_ranks_travel_together_while_all_are_answered() -> None:
    agenda, resolver = Agenda(), Scripted()
    agenda.add(asking("a.example", "b.example"), Rank.POLICY)
    agenda.add(asking("k.example"), Rank.SIGNATURES)
    drive(agenda, resolver, seconds=8, clock=resolver.clock)
    assert resolver.batches == [{"a.example", "k.example"}, {"b.example"}]


def test_a_name_that_hangs_costs_the_policy_nothing() -> None:
    agenda, (policy, *others) = crowded()
    resolver = Scripted()
    drive(agenda, resolver, seconds=8, clock=resolver.clock)
    assert policy.value == [FOUND] * 3
    assert [slot.value for slot in others] == [[LATE], [LATE]]


async def test_a_name_that_hangs_costs_the_policy_nothing_without_blocking() -> None:
    agenda, (policy, *others) = crowded()
    await adrive(agenda, Scripted(), seconds=0.05)
    assert policy.value == [FOUND] * 3
    assert [slot.value for slot in others] == [[LATE], [LATE]]


def test_an_author_that_hangs_leaves_time_for_another_author() -> None:
    agenda, resolver = Agenda(), Scripted()
    agenda.add(asking(HANGS, HANGS + ".again"), Rank.POLICY)
    victim = agenda.add(asking("a.example", "b.example", "c.example"), Rank.POLICY)
    drive(agenda, resolver, seconds=8, clock=resolver.clock)
    assert victim.value == [FOUND] * 3


@pytest.mark.parametrize("seconds", [0, -1])
def test_without_time_nothing_is_asked(seconds: float) -> None:
    agenda, resolver = Agenda(), Scripted()
    slot = agenda.add(asking("a.example"), Rank.POLICY)
    drive(agenda, resolver, seconds=seconds, clock=resolver.clock)
    assert (slot.value, resolver.batches) == ([LATE], [])


def test_the_seconds_left_are_told() -> None:
    agenda, resolver = Agenda(), Scripted()
    agenda.add(asking("a.example"), Rank.POLICY)
    assert drive(agenda, resolver, seconds=8, clock=resolver.clock) == 8


async def test_what_a_resolver_remembers_is_taken_without_a_task() -> None:
    class Remembering(Scripted):
        def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...] | None:
            return (FOUND,) * len(questions)

        async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            raise AssertionError("it is remembered")

    agenda = Agenda()
    slot = agenda.add(asking("a.example", "b.example"), Rank.POLICY)
    await adrive(agenda, Remembering(), seconds=1)
    assert slot.value == [FOUND, FOUND]


async def test_a_resolver_that_fails_is_an_answer_that_failed() -> None:
    class Broken(Scripted):
        async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            raise ValueError

    agenda = Agenda()
    slot = agenda.add(asking("a.example"), Rank.POLICY)
    await adrive(agenda, Broken(), seconds=1)
    assert slot.value == [Answer.failed(Failure.RESOLVER)]
