"""The questions of one message: who wants them, in which rank, what has been answered.

Flows (`avowal.lookup.Steps`) are added with a rank and go on as soon as their own questions
are answered, whoever else still waits.  What is wanted is taken out by a driver
(`avowal.dns.drivers`), which brings the answers back one by one::

    agenda = Agenda(shares)
    slot = agenda.add(flow, Rank.POLICY)
    for rank, question in agenda.wanted():
        agenda.take(question, answer)       # moves the flows that are complete by it
    slot.value                              # the flow's result, once slot.done

Each rank has a share of questions of its own, so that nothing a stranger puts into a message
uses up what the author's policy needs.  An answer that came is kept; `close` lets the rest
fail.  No clock, no socket: the schedule belongs to the driver, the outcome to the set of
answers that came.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Generic, TypeVar

from avowal.errors import StateError
from avowal.limits import Limits
from avowal.lookup import Answer, Failure, Question, Steps

T = TypeVar("T")

_OVER_SHARE = Answer.failed(Failure.BUDGET)


class Rank(IntEnum):
    """What a question is for; lower ranks are asked first where time is short."""

    POLICY = 0  # what the domains of the authors publish
    SIGNATURES = 1  # keys of DKIM signatures; the verifier's own caps bound them
    ALIGNMENT = 2  # organizational domains of names that may speak for an author
    SPF = 3
    CHAIN = 4  # keys of ARC sets
    REST = 5  # what is reported, and decides nothing for the author


def shares_of(limits: Limits) -> dict[Rank, int]:
    """Return how many questions each rank may ask for one message.

    `Limits.key_names` bounds those about DKIM signatures before they come here.
    """
    return {
        Rank.POLICY: limits.policy_questions,
        Rank.ALIGNMENT: limits.alignment_questions,
        Rank.SPF: limits.spf_questions,
        Rank.CHAIN: limits.arc_key_names,
        Rank.REST: limits.dns_questions,
    }


class Slot(Generic[T]):
    """Where the result of a flow will stand."""

    __slots__ = ("_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: T | None = None

    def fill(self, value: T) -> None:
        """Put the result in."""
        self._value = value
        self.done = True

    @property
    def value(self) -> T:
        """The result.  Raises StateError while there is none."""
        if not self.done:
            raise StateError("the flow still waits for answers")
        return self._value  # type: ignore[return-value] # filled: None only where T is


class _Flow:
    """A flow that waits: what it asked for, what was refused, how many answers are missing."""

    __slots__ = ("asked", "missing", "rank", "refused", "slot", "steps")

    def __init__(self, steps: Steps[Any], rank: Rank, slot: Slot[Any]) -> None:
        self.steps = steps
        self.rank = rank
        self.slot = slot
        self.asked: tuple[Question, ...] = ()
        self.refused: Mapping[Question, Answer] = {}
        self.missing = 0


class Agenda:
    """The questions of one message.

    `shares` are the numbers of questions each rank may ask, unlimited where a rank has none;
    `known` are answers at hand.  A question that several flows ask is asked once, in the best
    of their ranks, and counts against the share of whoever asked first.
    """

    __slots__ = ("_closed", "_left", "_new", "_waiting", "answers")

    def __init__(
        self,
        shares: Mapping[Rank, int] | None = None,
        *,
        known: Mapping[Question, Answer] | None = None,
    ) -> None:
        self.answers: dict[Question, Answer] = {} if known is None else dict(known)
        """Every answer that came."""
        self._left = {} if shares is None else dict(shares)
        self._waiting: dict[Question, list[_Flow]] = {}  # asked for, without an answer yet
        self._new: dict[Question, Rank] = {}  # of those, what no driver has taken out
        self._closed: Failure | None = None

    def add(self, flow: Steps[T], rank: Rank) -> Slot[T]:
        """Start a flow; it goes as far as the answers at hand allow."""
        slot: Slot[T] = Slot()
        self._advance(_Flow(flow, rank, slot), None)
        return slot

    @property
    def idle(self) -> bool:
        """Whether no flow waits for an answer."""
        return not self._waiting

    def wanted(self) -> tuple[tuple[Rank, Question], ...]:
        """Return what is to be asked now, best rank first; each question is given out once."""
        if not self._new:
            return ()
        new, self._new = self._new, {}
        return tuple(sorted(((rank, question) for question, rank in new.items()), key=_by_rank))

    def take(self, question: Question, answer: Answer) -> None:
        """Take an answer; one that nobody waits for any more changes nothing."""
        flows = self._waiting.pop(question, None)
        if flows is None:
            return
        self._new.pop(question, None)
        self.answers[question] = answer
        for flow in flows:
            flow.missing -= 1
            if not flow.missing:
                self._advance(flow, self._answers_of(flow))

    def close(self, why: Failure) -> None:
        """Let what is open, and whatever is asked later, fail; the answers that came stay."""
        self._closed = why
        late, self._waiting, self._new = self._waiting, {}, {}
        failed = Answer.failed(why)
        flows = {id(flow): flow for waiting in late.values() for flow in waiting}
        for flow in flows.values():
            flow.refused = {**flow.refused, **dict.fromkeys(late, failed)}
            self._advance(flow, self._answers_of(flow))

    def _answers_of(self, flow: _Flow) -> tuple[Answer, ...]:
        known, refused = self.answers, flow.refused
        return tuple([refused[q] if q in refused else known[q] for q in flow.asked])

    def _advance(self, flow: _Flow, answers: tuple[Answer, ...] | None) -> None:
        """Send answers into a flow until it waits for one that is not there, or ends."""
        try:
            while True:
                flow.asked = next(flow.steps) if answers is None else flow.steps.send(answers)
                self._admit(flow)
                if flow.missing:
                    return
                answers = self._answers_of(flow)
        except StopIteration as stop:
            flow.slot.fill(stop.value)

    def _admit(self, flow: _Flow) -> None:
        """Note what a flow waits for, and refuse what it may not ask."""
        flow.missing = 0
        flow.refused = refused = {}
        for question in dict.fromkeys(flow.asked):
            if question in self.answers:
                continue
            if question in self._waiting:
                if question in self._new and flow.rank < self._new[question]:
                    self._new[question] = flow.rank
            elif self._closed is not None:
                refused[question] = Answer.failed(self._closed)
                continue
            elif self._left.get(flow.rank, 1) <= 0:
                refused[question] = _OVER_SHARE
                continue
            else:
                if flow.rank in self._left:
                    self._left[flow.rank] -= 1
                self._waiting[question] = []
                self._new[question] = flow.rank
            self._waiting[question].append(flow)
            flow.missing += 1


def _by_rank(wanted: tuple[Rank, Question]) -> Rank:
    return wanted[0]
