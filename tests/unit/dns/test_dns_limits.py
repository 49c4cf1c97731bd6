"""The budget and the deadline of one message."""

from __future__ import annotations

import asyncio
import time

import pytest

import avowal
from avowal.dns.limits import Limited
from avowal.limits import Limits
from avowal.lookup import Answer, AsyncResolver, Failure, Question, Resolver
from avowal.testing import ED25519, Zone, message, record_for

QUESTIONS = tuple(Question(f"n{i}.example") for i in range(5))
ZONE = Zone({question.name: "x" for question in QUESTIONS})


class Slow:
    """Takes its time; `resolve_within` keeps to what it is told."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        time.sleep(self.seconds)
        return ZONE.resolve(questions)

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        if seconds < self.seconds:
            time.sleep(seconds)
            return tuple(Answer.failed(Failure.DEADLINE) for _ in questions)
        return self.resolve(questions)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        await asyncio.sleep(self.seconds)
        return ZONE.resolve(questions)


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(limited: Limited, mode: str, *questions: Question) -> list[Failure | None]:
    if mode == "sync":
        answers = limited.resolve(questions)
    else:
        answers = asyncio.run(limited.aresolve(questions))
    return [answer.failure for answer in answers]


def test_questions_beyond_the_budget_are_not_asked(mode: str) -> None:
    zone = Zone({question.name: "x" for question in QUESTIONS})
    limited = Limited(zone, questions=3)
    assert asked(limited, mode, *QUESTIONS[:2]) == [None, None]
    assert asked(limited, mode, *QUESTIONS[2:]) == [None, Failure.BUDGET, Failure.BUDGET]
    assert asked(limited, mode, QUESTIONS[0]) == [Failure.BUDGET]
    assert zone.asked == list(QUESTIONS[:3])


def test_the_deadline_ends_a_round(mode: str) -> None:
    limited = Limited(Slow(5), seconds=0.1)
    started = time.monotonic()
    assert asked(limited, mode, *QUESTIONS[:2]) == [Failure.DEADLINE] * 2
    assert time.monotonic() - started < 2
    assert asked(limited, mode, QUESTIONS[2]) == [Failure.DEADLINE]


def test_only_waiting_for_answers_counts(mode: str) -> None:
    limited = Limited(Slow(0.02), seconds=0.5)
    for question in QUESTIONS[:3]:
        assert asked(limited, mode, question) == [None]
        time.sleep(0.3)  # the body arrives slowly


def test_a_shorter_time_given_with_the_questions_holds() -> None:
    limited = Limited(Slow(0.3), seconds=5)
    assert limited.resolve_within(QUESTIONS[:1], 0.05)[0].failure is Failure.DEADLINE
    assert limited.resolve(QUESTIONS[:1])[0].records == (b"x",)


def sync_verdict(octets: bytes, resolver: Resolver, limits: Limits) -> avowal.Verification:
    return avowal.verify(octets, resolver, limits=limits)[0]


def async_verdict(octets: bytes, resolver: AsyncResolver, limits: Limits) -> avowal.Verification:
    return asyncio.run(avowal.averify(octets, resolver, limits=limits))[0]


@pytest.mark.parametrize("verdict", [sync_verdict, async_verdict])
@pytest.mark.parametrize(
    ("limits", "detail"),
    [
        pytest.param(Limits(dns_questions=0), Failure.BUDGET.value, id="budget"),
        pytest.param(Limits(dns_seconds=0), Failure.DEADLINE.value, id="deadline"),
    ],
)
def test_verify_keeps_the_limits_of_a_message(verdict: object, limits: Limits, detail: str) -> None:
    assert callable(verdict)
    field = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519)
    zone = Zone({"s1._domainkey.example.com": record_for(ED25519)})
    found = verdict(field + message(), zone, limits)
    assert (found.result, found.detail) == ("temperror", detail)
    assert zone.asked == []
