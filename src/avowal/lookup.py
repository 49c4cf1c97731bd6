"""Questions to DNS as values, and flows that ask them without doing I/O.

A flow is a generator (`Steps`): it yields a batch of questions, is sent the
answers in the same order, and returns its result.  The same flow serves a
synchronous caller through `run` and an asynchronous one through `arun`; `together`
merges several flows so that their rounds travel at the same time.  A lookup that
fails is an `Answer` like any other, so the branch for it can be seen in the flow.

What travels to real servers, caching, deadlines and budgets belong to `avowal.dns`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, overload

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
    NO_SOCKETS = "no socket left on this host"
    MALFORMED = "malformed answer"
    RESOLVER = "the resolver itself failed"  # it raised, or gave what are no answers
    BUDGET = "question budget of this message used up"
    DEADLINE = "deadline of this message passed"


class Question(NamedTuple):
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
    `failure` says why, exactly when `outcome` is FAILED.  `unpublished` are those of the
    records that DNS never showed to anybody: keys that were worked out from mail.
    """

    outcome: Outcome
    records: tuple[bytes, ...] = ()
    ttl: int = 0
    secure: bool = False
    failure: Failure | None = None
    unpublished: frozenset[bytes] = frozenset()

    @classmethod
    def found(cls, *records: bytes, ttl: int = 0, secure: bool = False) -> Answer:
        """Build the answer that holds these records."""
        return cls(outcome=Outcome.FOUND, records=records, ttl=ttl, secure=secure)

    @classmethod
    def failed(cls, failure: Failure) -> Answer:
        """Build the answer of a lookup that failed."""
        return cls(outcome=Outcome.FAILED, failure=failure)


@value
class Told:
    """What one name server said of a name, asked by itself and without recursion.

    `alias` is where its CNAME leads, None without one; `answer` is None where the server
    leaves the end of an alias to others.  `authoritative` is the AA bit (RFC 1035 §4.1.1).
    """

    answer: Answer | None
    authoritative: bool = False
    alias: str | None = None


NO_NAME = Answer(outcome=Outcome.NO_NAME)
NO_DATA = Answer(outcome=Outcome.NO_DATA)

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
Steps: TypeAlias = Generator[tuple[Question, ...], tuple[Answer, ...], T]


class Resolver(Protocol):
    """Answers a batch of questions, one answer each, in order.

    DNS trouble is an answer too; what is raised all the same counts as one (`answers_of`).
    """

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]: ...


class AsyncResolver(Protocol):
    """The same for asynchronous callers."""

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]: ...


class Bounded(Protocol):
    """A resolver that can be told how long it may take.

    What did not get an answer in time is `Failure.DEADLINE`.
    """

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]: ...


def answers_of(
    resolver: Resolver, questions: tuple[Question, ...], seconds: float | None = None
) -> tuple[Answer, ...]:
    """Ask a resolver; whatever it does, there is one answer for each question.

    One that raises, gives too few or too many answers, or things that are none, has failed:
    its questions get `Failure.RESOLVER`, so that a verdict is temperror and verifying raises
    nothing.  What is no `Exception` (KeyboardInterrupt, cancellation) passes, and so does
    everything from a resolver whose attribute `faults_pass` is true.  A resolver that is
    `Bounded` is given `seconds`, any other one takes its own time.

    Deliberate: the one `except Exception` below the programs, for a resolver is the caller's
    program and its faults are no verdict on anybody's message.
    """
    if seconds is not None and seconds <= 0:
        return (_TOO_LATE,) * len(questions)
    ask_it = resolver.resolve
    within: Callable[[tuple[Question, ...], float | None], object] | None
    within = None if seconds is None else getattr(resolver, "resolve_within", None)
    answers: object
    try:
        answers = ask_it(questions) if within is None else within(questions, seconds)
    except Exception as error:  # noqa: BLE001 - see `answers_of`
        return _failed(resolver, error, questions)
    return _fitting(answers, questions)


async def aanswers_of(
    resolver: AsyncResolver, questions: tuple[Question, ...]
) -> tuple[Answer, ...]:
    """Do what `answers_of` does, without blocking."""
    ask_it = resolver.aresolve
    try:
        answers = await ask_it(questions)
    except Exception as error:  # noqa: BLE001 - see `answers_of`
        return _failed(resolver, error, questions)
    return _fitting(answers, questions)


def recalled(resolver: object, questions: tuple[Question, ...]) -> tuple[Answer, ...] | None:
    """Return what a resolver knows without asking, if it knows all of it, else None."""
    recall: Callable[[tuple[Question, ...]], object] | None = getattr(resolver, "recall", None)
    if recall is None:
        return None
    try:
        known = recall(questions)
    except Exception as error:  # noqa: BLE001 - see `answers_of`
        return _failed(resolver, error, questions)
    return None if known is None else _fitting(known, questions)


def _failed(
    resolver: object, error: Exception, questions: tuple[Question, ...]
) -> tuple[Answer, ...]:
    if getattr(resolver, "faults_pass", False):
        raise error
    failure = Failure.TIMEOUT if isinstance(error, TimeoutError) else Failure.RESOLVER
    return (Answer.failed(failure),) * len(questions)


def _fitting(answers: object, questions: tuple[Question, ...]) -> tuple[Answer, ...]:
    """Return answers that fit their questions: all of them, each whole, or failed."""
    if not isinstance(answers, _SEQUENCE) or len(answers) != len(questions):
        return (_NO_ANSWER,) * len(questions)
    for answer in answers:
        if not _is_whole(answer):
            return tuple([one if _is_whole(one) else _NO_ANSWER for one in answers])
    return answers if type(answers) is tuple else tuple(answers)


def _is_whole(answer: object) -> bool:
    if type(answer) is not Answer or type(answer.records) is not tuple:
        return False
    for record in answer.records:
        if type(record) is not bytes:
            return False
    return (
        type(answer.outcome) is Outcome
        and (answer.outcome is Outcome.FAILED) == (type(answer.failure) is Failure)
        and isinstance(answer.ttl, _SECONDS)
    )


_SEQUENCE, _SECONDS = (tuple, list), (int, float)
_NO_ANSWER = Answer.failed(Failure.RESOLVER)
_OVER_BUDGET = Answer.failed(Failure.BUDGET)
_TOO_LATE = Answer.failed(Failure.DEADLINE)


def ask(*questions: Question) -> Steps[tuple[Answer, ...]]:
    """Ask one round of questions: ``answers = yield from ask(q1, q2)``."""
    return (yield questions)


def run(
    flow: Steps[T], resolver: Resolver, *, most: int | None = None, seconds: float | None = None
) -> T:
    """Drive a flow to its result with a synchronous resolver.

    Of its questions the first `most` are asked, the others fail with `Failure.BUDGET`.  A
    resolver that is `Bounded` is given `seconds` for each round; none is asked within 0.
    """
    try:
        questions = next(flow)
        while True:
            answers = answers_within(resolver, questions, most, seconds)
            if most is not None:
                most = max(0, most - len(questions))
            questions = flow.send(answers)
    except StopIteration as stop:
        result: T = stop.value
        return result


def answers_within(
    resolver: Resolver, questions: tuple[Question, ...], most: int | None, seconds: float | None
) -> tuple[Answer, ...]:
    """Ask one round of questions as `run` does: the first `most`, within so many seconds."""
    if most is None or len(questions) <= most:
        return answers_of(resolver, questions, seconds) if questions else ()
    answers = answers_of(resolver, questions[:most], seconds) if most else ()
    return answers + (_OVER_BUDGET,) * (len(questions) - most)


async def arun(flow: Steps[T], resolver: AsyncResolver) -> T:
    """Drive a flow to its result with an asynchronous resolver."""
    try:
        questions = next(flow)
        while True:
            questions = flow.send(await aanswers_of(resolver, questions))
    except StopIteration as stop:
        result: T = stop.value
        return result


@overload
def together(one: Steps[T], other: Steps[U], /) -> Steps[tuple[T, U]]: ...
@overload
def together(one: Steps[T], other: Steps[U], third: Steps[V], /) -> Steps[tuple[T, U, V]]: ...
@overload
def together(*flows: Steps[T]) -> Steps[tuple[T, ...]]: ...
def together(*flows: Steps[object]) -> Steps[tuple[object, ...]]:
    """Run several flows as one: each round asks the questions of all, equal ones once.

    Returns the results in the order of the flows.  It takes as many rounds as the
    longest of them.
    """
    if len(flows) == 1:
        return ((yield from flows[0]),)
    results: list[object] = [None] * len(flows)
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
