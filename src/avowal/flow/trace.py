"""Why: the rules that were looked at for one message, in order, and those that decided.

Every decision leaves its steps here.  `avowal why` prints them, the log quotes the deciding
ones, and tests assert them; so their sentences are part of what avowal promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from avowal.config.places import Place
from avowal.enums import Word
from avowal.policy.trace import TraceStep


class Topic(Word):
    """What a step is about."""

    OURS = "ours", "whether the message is ours"
    AUTHOR = "author", "for whom it would be signed"
    SIGN = "sign", "what is signed"
    VERIFY = "verify", "what is verified"
    POLICY = "policy", "what SPF and the author's domain say"
    ARC = "arc", "the ARC chain"
    REPORTS = "reports", "failure reports"
    RESULTS = "results", "Authentication-Results fields"
    ACTION = "action", "what the MTA is told"


class Step(NamedTuple):
    """One rule that was looked at.

    `rule` is the option's dotted name, or a word where no option is behind it; `why` says
    what was found, as a clause that can follow "because"; `place` is where the rule was
    written.  `decided` marks the step that settled its topic.
    """

    topic: Topic
    rule: str
    matched: bool
    why: str
    place: Place | None = None
    decided: bool = False

    def __str__(self) -> str:
        return f"{self.why}, {self.place}" if self.place is not None else self.why


class Trace:
    """The steps of one message, in the order they were taken.

    They are made when somebody reads them: most mail is logged without.
    """

    __slots__ = ("_made", "_told")

    def __init__(self, told: Callable[[], Iterable[Step]] | tuple[Step, ...] = ()) -> None:
        self._told = told
        self._made: tuple[Step, ...] | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps."""
        if self._made is None:
            self._made = tuple(self._told() if callable(self._told) else self._told)
        return self._made

    def decision(self, topic: Topic) -> Step | None:
        """Return the step that settled a topic, None where it never came up."""
        return next((s for s in reversed(self.steps) if s.topic is topic and s.decided), None)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trace) and self.steps == other.steps

    def __hash__(self) -> int:
        return hash(self.steps)

    def __repr__(self) -> str:
        return f"Trace({self.steps!r})"


_MATCHED: Final = frozenset(("found", "chose", "aligned", "override"))


def steps_of(trace: Iterable[TraceStep]) -> Iterator[Step]:
    """Tell a mechanism's own trace in that of the message."""
    for step in trace:
        detail = f": {step.detail}" if step.detail else ""
        why = f"{step.action} {step.subject}{detail}"
        yield Step(Topic.POLICY, step.mechanism, step.action in _MATCHED, why)
