"""What author domains ask for, by every generation, of mail that comes through somebody else.

A wish is what makes a message suspicious that nobody signed.  With it stands which signatures
would meet it, each alone: that is found by asking the evaluation of its generation itself, so
that whoever acts on wishes and whoever evaluates the message afterwards never differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Steps, together
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.adsp import Adsp, AdspResult
from avowal.policy.assessment import Assessment, Choice, GenerationVerdict, PolicyGeneration
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.engine import Engine
from avowal.policy.evidence import SignatureResult
from avowal.policy.practice_record import DISCARDABLE
from avowal.policy.practices import Practices, Standing
from avowal.policy.result import PolicyResult
from avowal.policy.ssp import NEVER

MOST_WEIGHED: Final = 10  # signatures of one message, each a round of all policies
_CALLED: Final = {
    PolicyGeneration.DOMAINKEYS: "DomainKeys ",
    PolicyGeneration.SSP_2005: "SSP 2005 ",
    PolicyGeneration.SSP_2007: "SSP 2007 ",
    PolicyGeneration.ADSP: "ADSP ",
    PolicyGeneration.DMARC_2015: "",  # p= is DMARC's alone
    PolicyGeneration.DMARC_2026: "",
}
_SYMBOLS: Final = frozenset((PolicyGeneration.DOMAINKEYS, PolicyGeneration.SSP_2005))
_STRICT: Final = frozenset((Policy.QUARANTINE, Policy.REJECT))
_UNSIGNED: Final = frozenset((AdspResult.FAIL, AdspResult.DISCARD, AdspResult.NXDOMAIN))


class _Asked(NamedTuple):
    """A wish without those who meet it: the domain, its own words, how it ends."""

    domain: DomainName
    text: str
    refuses: bool = False
    discards: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one author domain asks for by one generation, such as ``SSP 2005 o=!``.

    `refuses` says that mail which fails it is to be refused, `discards` that it may be thrown
    away.  `met_by` are the indices of the given signatures that would meet it, each alone.
    """

    domain: DomainName
    generation: PolicyGeneration
    text: str
    refuses: bool = False
    discards: bool = False
    met_by: frozenset[int] = frozenset()

    @property
    def sentence(self) -> str:
        """The domain and what it asks for."""
        return f"{self.domain.ascii} {self.text}"


def wishes(
    header: Header,
    choice: Choice,
    signatures: Sequence[SignatureResult] = (),
    *,
    authors: Authors | None = None,
    limits: Limits = DEFAULT,
) -> Steps[tuple[Wish, ...]]:
    """Return the wishes of all authors, by the generations of `choice`.

    A policy that DNS does not tell is no wish.  No more than `MOST_WEIGHED` signatures are
    looked at: any other meets nothing.  Raises nothing.
    """
    known = Authors.of(header, limits=limits) if authors is None else authors
    both: tuple[_Open, ...] = yield from together(
        _open(header, choice, (), known, limits),
        _open(header, choice, tuple(signatures), known, limits),
    )
    unsigned, together_met = both
    alone: dict[int, _Open] = {}
    if unsigned.keys() != together_met.keys():
        numbers = _weighed(signatures, known)
        left: tuple[_Open, ...] = yield from together(
            *(_open(header, choice, (signatures[n],), known, limits) for n in numbers)
        )
        alone = dict(zip(numbers, left, strict=True))
    return tuple(
        Wish(
            domain=asked.domain,
            generation=key[0],
            text=asked.text,
            refuses=asked.refuses,
            discards=asked.discards,
            met_by=frozenset(number for number, still in alone.items() if key not in still),
        )
        for key, asked in unsigned.items()
    )


def _weighed(signatures: Sequence[SignatureResult], authors: Authors) -> list[int]:
    """Return the numbers of those looked at one by one, related domains first; few, for cost."""

    def is_strange(number: int) -> bool:
        signer = signatures[number].domain
        return not any(a.is_within(signer) or signer.is_within(a) for a in authors.domains)

    return sorted(range(len(signatures)), key=is_strange)[:MOST_WEIGHED]


_Open = dict[tuple[PolicyGeneration, str], _Asked]


def _open(
    header: Header,
    choice: Choice,
    signatures: tuple[SignatureResult, ...],
    authors: Authors,
    limits: Limits,
) -> Steps[_Open]:
    """Return what is not met, by generation and domain."""
    engine = Engine(header, choice, authors=authors, limits=limits)
    assessment: Assessment = yield from engine.evaluate(signatures)
    return {
        (verdict.generation, asked.domain.ascii): asked
        for verdict in assessment.verdicts
        for asked in _asked(verdict)
    }


def _asked(verdict: GenerationVerdict) -> Iterator[_Asked]:
    called = f"publishes {_CALLED[verdict.generation]}"
    match verdict.detail:
        case Evaluation() as found:
            # What is published counts, not what t=y or pct= make of it this time.
            for one in found.evaluations:
                if one.result is PolicyResult.FAIL and one.policy in _STRICT:
                    refuses = one.policy is Policy.REJECT
                    yield _Asked(one.domain, f"{called}p={one.policy}", refuses)
        case Adsp() as found:
            for domain in found.domains:
                if domain.result in _UNSIGNED:
                    text = "does not exist for mail"
                    if domain.record is not None:
                        text = f"{called}dkim={domain.record.practices}"
                    discards = domain.result is AdspResult.DISCARD
                    yield _Asked(domain.domain, text, discards=discards)
        case Practices() as found:
            yield from _of_practices(found, called, verdict.generation)


def _of_practices(found: Practices, called: str, generation: PolicyGeneration) -> Iterator[_Asked]:
    tag = "o" if generation in _SYMBOLS else "dkim"
    for author in found.authors:
        domain = author.mailbox.domain
        if author.standing is Standing.SUSPICIOUS and domain is not None:
            written = author.practice
            yield _Asked(
                domain,
                "does not exist" if written is None else f"{called}{tag}={written}",
                refuses=tag == "o" and written == NEVER,
                discards=tag == "dkim" and written == DISCARDABLE,
            )
