"""Questions as values, flows as generators."""

from __future__ import annotations

from avowal.lookup import (
    NO_NAME,
    Answer,
    Failure,
    Outcome,
    Question,
    Steps,
    arun,
    ask,
    run,
    together,
)
from avowal.testing import Zone

ZONE = Zone({"a.example": "1", "b.example": "2", "c.example": "3"})


def records(*names: str) -> Steps[list[bytes]]:
    """Ask one name after the other."""
    found: list[bytes] = []
    for name in names:
        (answer,) = yield from ask(Question(name))
        found += answer.records
    return found


def at_once(*names: str) -> Steps[list[bytes]]:
    answers = yield from ask(*map(Question, names))
    return [record for answer in answers for record in answer.records]


def nothing() -> Steps[str]:
    return "done"
    yield ()


def test_a_flow_runs_to_its_result() -> None:
    assert run(records("a.example", "b.example"), ZONE) == [b"1", b"2"]


async def test_the_same_flow_runs_asynchronously() -> None:
    assert await arun(records("a.example", "b.example"), ZONE) == [b"1", b"2"]


def test_a_flow_without_questions_asks_nothing() -> None:
    zone = Zone({})
    assert run(nothing(), zone) == "done"
    assert zone.asked == []


def test_flows_together_take_as_many_rounds_as_the_longest() -> None:
    rounds: list[tuple[Question, ...]] = []

    class Counting:
        def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            rounds.append(questions)
            return ZONE.resolve(questions)

    flow = together(records("a.example", "b.example"), at_once("c.example", "a.example"), nothing())
    assert run(flow, Counting()) == ([b"1", b"2"], [b"3", b"1"], "done")
    assert [len(asked) for asked in rounds] == [2, 1]


def test_equal_questions_are_asked_once() -> None:
    zone = Zone({"a.example": "1"})
    run(together(at_once("a.example"), at_once("a.example")), zone)
    assert len(zone.asked) == 1


def test_nothing_together_is_nothing() -> None:
    assert run(together(), ZONE) == ()


def test_a_failure_is_an_answer() -> None:
    answer = Answer.failed(Failure.TIMEOUT)
    assert (answer.outcome, answer.failure, answer.records) == (Outcome.FAILED, Failure.TIMEOUT, ())


def test_no_such_name_is_an_answer() -> None:
    assert ZONE.resolve((Question("x.example"),)) == (NO_NAME,)
