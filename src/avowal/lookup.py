"""Questions to DNS as values, and flows that ask them without doing I/O.

A flow is a generator (`Steps`): it yields a batch of questions, is sent the
answers in the same order, and returns its result.  The same flow serves a
synchronous caller through `run` and an asynchronous one through `arun`; `together`
merges several flows so that their rounds travel at the same time.  A lookup that
fails is an `Answer` like any other, so the branch for it can be seen in the flow.

What travels to real servers, caching, deadlines and budgets belong to `avowal.dns`.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import Any, Protocol, TypeAlias, TypeVar

from avowal.valueclass import value


class Outcome(Enum):
    """What became of a question."""

    FOUND = "found"
    NO_DATA = "no data"  # the name exists, the type does not (NOERROR, RFC 2308 §2.2)
    NO_NAME = "no such name"  # NXDOMAIN
    FAILED = "failed"  # no answer was had: nothing is known about the name


class Failure(Enum):
    """Why a question got no answer; each one may go away by itself."""

    TIMEOUT = "timeout"
    SERVER_FAILURE = "SERVFAIL"
    REFUSED = "refused"
    UNREACHABLE = "no server reachable"
    MALFORMED = "malformed answer"
    BUDGET = "question budget of this message used up"
    DEADLINE = "deadline of this message passed"


@value(kw_only=False)
class Question:
    """One name and one record type.

    `name` is in ASCII (A-labels), without the final dot; `type` is an RR type's
    mnemonic such as TXT, A, AAAA, MX, PTR.
    """

    name: str
    type: str = "TXT"


@value
class Answer:
    """What DNS said.

    `records` holds one octet string per record of the asked type: for TXT the
    character-strings joined without separator (RFC 6376 §3.6.2.2), for every other
    type the presentation form without final dots (``10 mx.example.com`` for an MX).
    `ttl` is in seconds; `secure` is the AD bit of the answer (RFC 4035 §3.2.3);
    `failure` says why, exactly when `outcome` is FAILED.
    """

    outcome: Outcome
    records: tuple[bytes, ...] = ()
    ttl: int = 0
    secure: bool = False
    failure: Failure | None = None

    @classmethod
    def found(cls, *records: bytes, ttl: int = 0, secure: bool = False) -> Answer:
        """Build the answer that holds these records."""
        return cls(outcome=Outcome.FOUND, records=records, ttl=ttl, secure=secure)

    @classmethod
    def failed(cls, failure: Failure) -> Answer:
        """Build the answer of a lookup that failed."""
        return cls(outcome=Outcome.FAILED, failure=failure)


NO_NAME = Answer(outcome=Outcome.NO_NAME)
NO_DATA = Answer(outcome=Outcome.NO_DATA)

T = TypeVar("T")
Steps: TypeAlias = Generator[tuple[Question, ...], tuple[Answer, ...], T]


class Resolver(Protocol):
    """Answers a batch of questions, one answer each, in order.  Never raises for DNS trouble."""

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]: ...


class AsyncResolver(Protocol):
    """The same for asynchronous callers."""

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]: ...


def ask(*questions: Question) -> Steps[tuple[Answer, ...]]:
    """Ask one round of questions: ``answers = yield from ask(q1, q2)``."""
    return (yield questions)


def run(flow: Steps[T], resolver: Resolver) -> T:
    """Drive a flow to its result with a synchronous resolver."""
    try:
        questions = next(flow)
        while True:
            questions = flow.send(resolver.resolve(questions))
    except StopIteration as stop:
        result: T = stop.value
        return result


async def arun(flow: Steps[T], resolver: AsyncResolver) -> T:
    """Drive a flow to its result with an asynchronous resolver."""
    try:
        questions = next(flow)
        while True:
            questions = flow.send(await resolver.aresolve(questions))
    except StopIteration as stop:
        result: T = stop.value
        return result


def together(*flows: Steps[Any]) -> Steps[tuple[Any, ...]]:
    """Run several flows as one: each round asks the questions of all, equal ones once.

    Returns the results in the order of the flows.  It takes as many rounds as the
    longest of them.
    """
    if len(flows) == 1:
        return ((yield from flows[0]),)
    results: list[Any] = [None] * len(flows)
    waiting: dict[int, tuple[Question, ...]] = {}

    def advance(index: int, answers: tuple[Answer, ...] | None) -> None:
        flow = flows[index]
        try:
            waiting[index] = next(flow) if answers is None else flow.send(answers)
        except StopIteration as stop:
            results[index] = stop.value

    for index in range(len(flows)):
        advance(index, None)
    while waiting:
        merged = tuple(dict.fromkeys(q for asked in waiting.values() for q in asked))
        answers = dict(zip(merged, (yield merged), strict=True))
        ready, waiting = waiting, {}
        for index, asked in ready.items():
            advance(index, tuple(answers[q] for q in asked))
    return tuple(results)
