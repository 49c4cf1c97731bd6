"""Why: the rules that were looked at for one message, in order, and those that decided.

Every decision leaves its steps here.  `avowal why` prints them, the log quotes the deciding
ones, and tests assert them; so their sentences are part of what avowal promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from avowal.config.places import Place
from avowal.enums import Word


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


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps of one message, in the order they were taken."""

    steps: tuple[Step, ...] = ()

    def decision(self, topic: Topic) -> Step | None:
        """Return the step that settled a topic, None where it never came up."""
        return next((s for s in reversed(self.steps) if s.topic is topic and s.decided), None)

    def __add__(self, other: Trace) -> Trace:
        return Trace(self.steps + other.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)
