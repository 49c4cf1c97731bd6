"""Whether signatures that pass speak for the author, and what the author's own record says.

The clause of the record that decides is the evidence; SPF is not looked at, for a message at
rest does not tell who sent it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from avowal.diagnose.explanation import Explanation
from avowal.diagnose.observed import Observation
from avowal.lookup import Steps
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.dmarc.evaluate import evaluate
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Alignment, DomainEvaluation
from avowal.policy.evidence import SignatureResult


def policy_observations(
    header: Header, explanations: Sequence[Explanation]
) -> Steps[tuple[Observation, ...]]:
    """Ask for the DMARC records of the authors, and compare what passes with them."""
    read = (SignatureResult.of(one.verification) for one in explanations)
    results = [one for one in read if one is not None]
    found = yield from evaluate(Authors.of(header), results)
    return tuple(one for author in found.evaluations for one in _of(author, results))


def _of(author: DomainEvaluation, results: Sequence[SignatureResult]) -> Iterator[Observation]:
    passing = [one for one in author.alignments if one.result == "pass"]
    if author.record is None and author.failure is None:  # then nothing was compared
        passing = [_compared(author, one) for one in results if one.result == "pass"]
    if any(one.aligned for one in passing):
        return
    for one in passing:
        yield _other(author, one)
    if author.policy in {Policy.QUARANTINE, Policy.REJECT}:
        where = f"_dmarc.{author.record_domain}"
        evidence = f"{where}: {author.tag}={author.policy}, and no signature that passes is aligned"
        if author.tag != "p":
            evidence += f" ({author.domain.ascii} has no record of its own)"
        yield Observation(name="policy-asks", evidence=evidence)


def _compared(author: DomainEvaluation, one: SignatureResult) -> Alignment:
    aligned = _related(one.domain, author.domain)
    return Alignment(mechanism="dkim", domain=one.domain, mode="r", aligned=aligned)


def _other(author: DomainEvaluation, one: Alignment) -> Observation:
    """Say of a signature that passes why it does not speak for the author."""
    who = f"d={one.domain.ascii} passes, From is of {author.domain.ascii}"
    if one.mode == "s" and _related(one.domain, author.domain):
        where = f"_dmarc.{author.record_domain}"
        return Observation(
            name="strict-alignment", evidence=f"{who}; {where}: adkim=s", domain=one.domain.ascii
        )
    return Observation(name="not-aligned", evidence=who, domain=one.domain.ascii)


def _related(one: DomainName, other: DomainName) -> bool:
    return one.is_within(other) or other.is_within(one)
