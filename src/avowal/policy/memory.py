"""Asking DNS for policy records: names that cannot exist are not asked for."""

from __future__ import annotations

from dataclasses import dataclass

from avowal.lookup import NO_NAME, Answer, Failure, Outcome, Question, Steps
from avowal.names import MAX_NAME


@dataclass(frozen=True, slots=True)
class Failed:
    """A question without an answer, where the answer could have mattered.

    `over_share` says that we did not ask it: the message wanted more than its share.
    """

    name: str
    why: str
    over_share: bool = False

    @classmethod
    def of(cls, name: str, answer: Answer) -> Failed:
        """Say of which name nothing is known, and why."""
        return cls(name, failure_text(answer), answer.failure is Failure.BUDGET)


class Memory:
    """The answers of one message's questions: each is asked once.

    Flows that run together may share one.  `answers` holds what DNS said until now.
    """

    __slots__ = ("answers",)

    def __init__(self) -> None:
        self.answers: dict[Question, Answer] = {}

    def ask(self, *questions: Question) -> Steps[tuple[Answer, ...]]:
        """Return the answers in order; only those not yet known are asked for."""
        known = self.answers
        for question in questions:
            if len(question.name) > MAX_NAME:  # RFC 1035 §2.3.4: no such name can exist
                known[question] = NO_NAME
        unknown = tuple(dict.fromkeys(q for q in questions if q not in known))
        if unknown:
            known.update(zip(unknown, (yield unknown), strict=True))
        return tuple(known[question] for question in questions)

    def txt(self, *names: str) -> Steps[tuple[Answer, ...]]:
        """The same for TXT records."""
        return self.ask(*(Question(name) for name in names))


def failure_text(answer: Answer) -> str:
    """Say why there is no answer."""
    return answer.failure.value if answer.failure is not None else "no answer"


def failed(answer: Answer) -> bool:
    """Whether nothing is known about the name."""
    return answer.outcome is Outcome.FAILED
