"""Whatever a resolver of the caller's own does, a verdict comes of it (lookup.answers_of)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import avowal
from avowal.dns.cache import Cached
from avowal.dns.limits import Limited
from avowal.dns.recorder import Recorder
from avowal.lookup import Answer, Failure, Outcome, Question, answers_of, recalled
from avowal.testing import ED25519, Zone, message, record_for

A, B = Question("a.example"), Question("b.example")
GOOD = Answer.found(b"x", ttl=60)
SIGNED = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519) + message()


class Custom:
    """Answers both kinds of callers with what a function makes of the questions."""

    def __init__(self, make: Callable[[tuple[Question, ...]], Any]) -> None:
        self._make = make

    def resolve(self, questions: tuple[Question, ...], /) -> Any:
        return self._make(questions)

    async def aresolve(self, questions: tuple[Question, ...], /) -> Any:
        return self._make(questions)


def raising(error: BaseException) -> Callable[[Any], Any]:
    def make(questions: Any) -> Any:
        raise error

    return make


FAULTS = [
    pytest.param(raising(OSError("no network")), id="raises-OSError"),
    pytest.param(raising(KeyError("x")), id="raises-KeyError"),
    pytest.param(raising(TimeoutError()), id="raises-TimeoutError"),
    pytest.param(raising(avowal.AvowalError("x")), id="raises-an-error-of-ours"),
    pytest.param(lambda questions: (), id="no-answers"),
    pytest.param(lambda questions: None, id="None"),
    pytest.param(lambda questions: (GOOD,) * (len(questions) + 1), id="too-many-answers"),
    pytest.param(lambda questions: dict.fromkeys(questions, GOOD), id="a-mapping"),
    pytest.param(lambda questions: [b"v=DKIM1; p="] * len(questions), id="octets-for-answers"),
    pytest.param(lambda questions: [None] * len(questions), id="None-for-answers"),
    pytest.param(
        lambda questions: [Answer.found("v=DKIM1")] * len(questions),  # type: ignore[arg-type]
        id="text-for-octets",
    ),
    pytest.param(
        lambda questions: [Answer(outcome=Outcome.FAILED)] * len(questions),
        id="a-failure-without-its-kind",
    ),
    pytest.param(
        lambda questions: [Answer(outcome="found")] * len(questions),  # type: ignore[arg-type]
        id="no-outcome",
    ),
]


@pytest.mark.parametrize("wrap", [Custom, lambda m: Cached(Custom(m))], ids=["bare", "cached"])
@pytest.mark.parametrize("make", FAULTS)
def test_a_resolver_that_fails_gives_temperror(make: Any, wrap: Any) -> None:
    (verdict,) = avowal.verify(SIGNED, wrap(make))
    assert str(verdict.result) == "temperror"
    (verdict,) = asyncio.run(avowal.averify(SIGNED, wrap(make)))
    assert str(verdict.result) == "temperror"


@pytest.mark.parametrize("make", FAULTS)
@pytest.mark.parametrize("wrap", [lambda r: r, Limited, Cached, Recorder])
def test_there_is_one_answer_for_each_question(make: Any, wrap: Any) -> None:
    answers = answers_of(wrap(Custom(make)), (A, B))
    assert [answer.outcome for answer in answers] == [Outcome.FAILED] * 2


def test_the_good_ones_among_answers_count() -> None:
    answers = answers_of(Custom(lambda questions: [GOOD, 7]), (A, B))
    assert answers == (GOOD, Answer.failed(Failure.RESOLVER))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit()])
def test_what_is_no_fault_of_a_resolver_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        answers_of(Custom(raising(error)), (A,))


async def test_cancellation_passes() -> None:
    class Slow:
        async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            await asyncio.Event().wait()
            return ()

    task = asyncio.ensure_future(avowal.averify(SIGNED, Slow()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_resolver_may_ask_for_its_faults_to_pass() -> None:
    class Own(Custom):
        faults_pass = True

    with pytest.raises(OSError, match="mine"):
        answers_of(Limited(Own(raising(OSError("mine")))), (A,))


@pytest.mark.parametrize(
    ("recall", "expected"),
    [
        pytest.param(lambda questions: None, None, id="not-known"),
        pytest.param(lambda questions: (GOOD,), (GOOD,), id="known"),
        pytest.param(lambda questions: (), (Answer.failed(Failure.RESOLVER),), id="too-few"),
        pytest.param(raising(OSError()), (Answer.failed(Failure.RESOLVER),), id="raises"),
    ],
)
def test_what_a_resolver_remembers_is_looked_at_too(recall: Any, expected: Any) -> None:
    resolver = Custom(lambda questions: ())
    resolver.recall = recall  # type: ignore[attr-defined]
    assert recalled(resolver, (A,)) == expected


def test_good_answers_are_let_be() -> None:
    zone = Zone({"s1._domainkey.example.com": record_for(ED25519)})
    assert [v.passed for v in avowal.verify(SIGNED, Custom(zone.resolve))] == [True]
