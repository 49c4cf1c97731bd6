"""Policies and actions to try: what would have followed if they had been in force.

A candidate policy is taken as published by every author's domain; the evaluation of its
generation then says what it asks for.  An action is a receiver's own rule that no domain asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from avowal.errors import UsageError
from avowal.lookup import NO_DATA, Answer, Question, Resolver, run
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.policy import adsp, ssp, ssp2007
from avowal.policy.assessment import Choice, Handling, PolicyDisposition, PolicyGeneration
from avowal.policy.dmarc.record import DmarcRecord
from avowal.policy.engine import Engine
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.simulation.causes import is_organization
from avowal.simulation.evidence import Bounds

PUBLISHED: Final = "published"
STANDARD: Final = (
    "unsigned:reject", "broken:reject", "2005:-", "2005:!", "adsp:discardable",
    "dmarc:quarantine", "dmarc:reject",
)  # fmt: skip
"""What is tried where nothing is asked for."""
_DMARC = "_dmarc"
_PLACES: Final = (_DMARC, ssp.PREFIX, ssp2007.PREFIX, adsp.PREFIX)
_ACTIONS: Final = ("quarantine", "reject", "discard")
_WORDS: Final = {
    PolicyGeneration.SSP_2005: ("o", ssp.PREFIX, ("~", "-", "!", "?", ".")),
    PolicyGeneration.SSP_2007: ("dkim", ssp2007.PREFIX, ("unknown", "all", "strict")),
    PolicyGeneration.ADSP: ("dkim", adsp.PREFIX, ("unknown", "all", "discardable")),
}
_HINT: Final = (
    "write unsigned:ACTION, broken:ACTION, published, dmarc:RECORD, adsp:WORD, 2007:WORD or "
    "2005:SYMBOL, such as unsigned:reject, dmarc:reject, 'dmarc:p=reject; adkim=s', 2005:!"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of one message."""

    header: Header
    authors: Authors
    bounds: Bounds
    envelope: EnvelopeResult | None = None


_Judge = Callable[[Case, tuple[SignatureResult, ...]], PolicyDisposition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One policy or action: as written, the record it stands for, and what it asks for."""

    name: str
    record: str | None
    judge: _Judge

    def effect(self, case: Case) -> Effect:
        """Return what would have become of a message."""
        best = self.judge(case, case.bounds.best)
        if best is not PolicyDisposition.ACCEPT:
            return Effect(best, best)
        if case.bounds.certain:
            return Effect(best, best)
        return Effect(best, self.judge(case, case.bounds.worst))


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens if every open signature passes, and if none of them does."""

    least: PolicyDisposition
    most: PolicyDisposition

    @property
    def word(self) -> str:
        """The disposition; ``open`` where it hangs on keys that are not to be had."""
        return "open" if self.least is not self.most else self.least.value


class PublishedEverywhere:
    """DNS as it would be if every domain published one record; nothing is asked.

    DMARC's record stands at each organizational domain, the older ones at every domain; all
    domains exist.
    """

    def __init__(self, place: str, record: bytes) -> None:
        self._place = place
        self._record = Answer.found(record)

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer each question."""
        return tuple([self._answer(question) for question in questions])

    def _answer(self, question: Question) -> Answer:
        for place in _PLACES:
            if question.name.startswith(f"{place}."):
                return self._at(place, question.name.removeprefix(f"{place}."))
        return Answer.found(b"10 mx.invalid") if question.type == "MX" else NO_DATA

    def _at(self, place: str, domain: str) -> Answer:
        if place != self._place:
            return NO_DATA
        return NO_DATA if place == _DMARC and not is_organization(domain) else self._record


def candidates(
    written: Iterable[str], *, dns: Resolver | None = None, handling: Handling = Handling.FULL
) -> tuple[Candidate, ...]:
    """Read candidates; `dns` tells what is published.  Raises UsageError."""
    found = tuple(_candidate(one, dns, handling) for one in dict.fromkeys(written))
    if not found:
        raise UsageError(f"no policy to try: {_HINT}")
    return found


def _candidate(written: str, dns: Resolver | None, handling: Handling) -> Candidate:
    kind, _, rest = written.partition(":")
    kind, rest = kind.strip().lower(), rest.strip()
    if written.strip().lower() == PUBLISHED:
        if dns is None:
            raise UsageError(f"{PUBLISHED}: give --zone, --replay or --resolver, to know what is")
        choice = Choice(generations=(PolicyGeneration.DMARC_2026,), handling=handling)
        return Candidate(name=PUBLISHED, record=None, judge=_asking(choice, dns))
    if kind in {"unsigned", "broken"}:
        if rest not in _ACTIONS:
            raise UsageError(f"{written}: an action is one of {', '.join(_ACTIONS)}")
        return Candidate(name=written, record=None, judge=_acting(kind, PolicyDisposition(rest)))
    try:
        generation = PolicyGeneration({"dmarc": "2026"}.get(kind, kind))
        place, record = _record(generation, rest)
    except (ValueError, KeyError):
        raise UsageError(f"{written!r} is no policy to try: {_HINT}") from None
    everywhere = PublishedEverywhere(place, record.encode())
    choice = Choice(generations=(generation,), handling=handling)
    return Candidate(name=written, record=record, judge=_asking(choice, everywhere))


def _record(generation: PolicyGeneration, text: str) -> tuple[str, str]:
    """Return where a policy is published and its record.  Raises KeyError, UsageError."""
    if generation in {PolicyGeneration.DMARC_2015, PolicyGeneration.DMARC_2026}:
        record = "; ".join(["v=DMARC1", text if "=" in text else f"p={text}"])
        problems = DmarcRecord.parse(record.encode()).problems
        if problems or not text:
            why = f"{problems[0].tag}=: {problems[0].why}" if problems else "no policy"
            raise UsageError(f"{generation}: {record!r}: {why}")
        return _DMARC, record
    tag, place, words = _WORDS[generation]
    word = text.removeprefix(f"{tag}=")
    if word not in words:
        raise UsageError(f"{generation}: {text!r} is none of {' '.join(words)}")
    return place, f"{tag}={word}"


def _asking(choice: Choice, dns: Resolver) -> _Judge:
    """What a policy asks for, by the evaluation of its generation."""

    def judge(case: Case, signatures: tuple[SignatureResult, ...]) -> PolicyDisposition:
        engine = Engine(case.header, choice, authors=case.authors)
        return run(engine.evaluate(signatures, case.envelope), dns).disposition

    return judge


def _acting(kind: str, action: PolicyDisposition) -> _Judge:
    """What a receiver does by a rule of its own about signatures."""

    def judge(case: Case, signatures: tuple[SignatureResult, ...]) -> PolicyDisposition:
        signed = bool(case.header.named(b"dkim-signature"))
        if kind == "unsigned":
            applies = not signed
        else:
            applies = signed and not any(one.passed for one in signatures)
        return action if applies else PolicyDisposition.ACCEPT

    return judge
