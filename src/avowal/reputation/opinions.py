"""Subjects, opinions, and whoever can be asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from avowal.dkim.verification import Verification


class IdentityType(StrEnum):
    """Where an identifier was found (RFC 7073 §3.2); the second of DKIM is ours, for i=."""

    DKIM = "dkim"
    DKIM_AUID = "dkim-auid"
    SPF = "spf"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    HELO = "rfc5321.helo"
    MAIL_FROM = "rfc5321.mailfrom"
    FROM = "rfc5322.from"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is asked about: a domain (A-labels), an address or an identity."""

    name: str
    identity: IdentityType = IdentityType.DKIM

    @property
    def folded(self) -> str:
        """The name as it is compared: without case, as domains are (RFC 4343), and whole."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one rater asserts about a subject (RFC 7071 §3.1).

    `rating` and `confidence` run from 0.0 to 1.0; 1.0 says the assertion fully holds.
    Times are Unix seconds.
    """

    rater: str
    subject: Subject
    assertion: str
    rating: float
    confidence: float | None = None
    sample_size: int | None = None
    generated: int | None = None
    expires: int | None = None

    def __str__(self) -> str:
        sure = "" if self.confidence is None else f", confidence {self.confidence:.2f}"
        return f"{self.rater}: {self.subject.name} {self.assertion} {self.rating:.3f}{sure}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """All opinions about one message's identifiers, and what could not be asked."""

    opinions: tuple[Opinion, ...] = ()
    problems: tuple[str, ...] = ()

    def rating(self, assertion: str, *, least_confidence: float = 0.0) -> float | None:
        """Return the highest rating of an assertion, None where nobody has one.

        An opinion without a confidence counts as sure.
        """
        ratings = [
            opinion.rating
            for opinion in self.opinions
            if opinion.assertion == assertion
            and (opinion.confidence is None or opinion.confidence >= least_confidence)
        ]
        return max(ratings, default=None)


class Assessor(Protocol):
    """Gives opinions.  Raises nothing: what goes wrong is a problem of the assessment."""

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment: ...

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment: ...


class Several:
    """Asks several assessors, one after the other, and returns what all of them say."""

    def __init__(self, *assessors: Assessor) -> None:
        self._assessors = assessors

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Ask all."""
        return combined([one.assess(subjects, now=now) for one in self._assessors])

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Ask all."""
        return combined([await one.aassess(subjects, now=now) for one in self._assessors])


def combined(assessments: Iterable[Assessment]) -> Assessment:
    """Return one assessment with everything in it."""
    given = tuple(assessments)
    return Assessment(
        opinions=tuple(opinion for one in given for opinion in one.opinions),
        problems=tuple(problem for one in given for problem in one.problems),
    )


def subjects_of(
    verifications: Iterable[Verification], *, spf_domain: str | None = None
) -> tuple[Subject, ...]:
    """Return the validated identifiers of a message, each once (RFC 6376 §2.7, §3.11).

    d= of each signature that passed, i= where it says more, and the domain SPF passed.
    """
    found: dict[Subject, None] = {}
    for verification in verifications:
        signature = verification.signature
        if not verification.passed or signature is None:
            continue
        found[Subject(signature.domain.ascii)] = None
        if signature.identity is not None and signature.identity.local_part:
            found[Subject(str(signature.identity), IdentityType.DKIM_AUID)] = None
    if spf_domain is not None:
        found[Subject(spf_domain, IdentityType.SPF)] = None
    return tuple(found)
