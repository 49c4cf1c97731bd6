"""Short ways to write what policy tests start from: authors, signatures, rounds of DNS."""

from __future__ import annotations

from typing import Any

from avowal.lookup import Answer, Failure, Question, Steps, run
from avowal.mailbox import Authors
from avowal.names import DomainName, Identity
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.testing import Zone


def name(text: str) -> DomainName:
    return DomainName.parse(text.encode())


def by(*values: str) -> Authors:
    """The authors of From fields with these values."""
    return Authors.parse(*(value.encode() for value in values))


def signed(
    domain: str, result: str = "pass", *, i: str | None = None, **more: Any
) -> SignatureResult:
    identity = None if i is None else Identity.parse(i.encode())
    return SignatureResult(domain=name(domain), result=result, identity=identity, **more)


def sent(domain: str, result: str = "pass") -> EnvelopeResult:
    return EnvelopeResult(domain=name(domain), result=result)


class Counting:
    """A resolver that keeps its rounds and can fail at chosen questions."""

    def __init__(self, zone: Zone, *, fails: tuple[Question, ...] = ()) -> None:
        self.rounds: list[tuple[Question, ...]] = []
        self._zone = zone
        self._fails = fails

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self.rounds.append(questions)
        return tuple(
            Answer.failed(Failure.TIMEOUT) if q in self._fails else self._zone.resolve((q,))[0]
            for q in questions
        )

    @property
    def questions(self) -> list[Question]:
        return [question for batch in self.rounds for question in batch]


def rounds(flow: Steps[Any], zone: Zone) -> int:
    counting = Counting(zone)
    run(flow, counting)
    return len(counting.rounds)
