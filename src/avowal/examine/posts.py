"""What a mailing list takes from the examination of a post."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from avowal.agenda import Agenda, Rank
from avowal.arc.verdict import result_of
from avowal.authres import MethodResult
from avowal.dkim.results import results_of
from avowal.dkim.verification import Verification
from avowal.examine.examination import Examination
from avowal.examine.findings import Findings, Receiver, Want
from avowal.lists.advice import AuthorPolicy, DmarcDisposition, Practice
from avowal.lookup import Failure
from avowal.message import Message
from avowal.policy.assessment import Choice, PolicyGeneration
from avowal.policy.authentication_results import dmarc_result, spf_result
from avowal.policy.dmarc.record import Policy
from avowal.policy.result import PolicyResult

CHOICE: Final = Choice(generations=(PolicyGeneration.DMARC_2026, PolicyGeneration.ADSP))
"""The policies that say how an author's domain takes lists that break signatures."""
_DISPOSITIONS: Final[Mapping[Policy, DmarcDisposition]] = {
    Policy.NONE: "none", Policy.QUARANTINE: "quarantine", Policy.REJECT: "reject",
}  # fmt: skip
_PRACTICES: Final[Mapping[str, Practice]] = {
    "unknown": "unknown", "all": "all", "discardable": "discardable",
}  # fmt: skip


def author_policies(findings: Findings) -> tuple[AuthorPolicy, ...]:
    """Return what each author's domain asks for; `CHOICE` has to be among the policies."""
    assessment = findings.policies
    if assessment is None or assessment.dmarc is None:
        return ()
    practices = (
        {}
        if assessment.adsp is None
        else {found.domain.ascii: found.record for found in assessment.adsp.domains}
    )
    policies = []
    for one in assessment.dmarc.evaluations:
        record = practices.get(one.domain.ascii)
        policies.append(
            AuthorPolicy(
                domain=one.domain,
                dmarc=None if one.policy is None else _DISPOSITIONS[one.policy],
                adsp=None if record is None else _PRACTICES.get(record.practices),
                authenticated=one.result is PolicyResult.PASS,
            )
        )
    return tuple(policies)


def recorded_results(findings: Findings) -> tuple[MethodResult, ...]:
    """Return the results that a list records before it signs (RFC 6377 §5.7)."""
    results = [*results_of(findings.dkim)]
    if findings.spf is not None:
        results.append(spf_result(findings.spf.envelope))
    if findings.policies is not None and findings.policies.dmarc is not None:
        results.append(dmarc_result(findings.policies.dmarc))
    if findings.arc is not None:
        results.append(result_of(findings.arc))
    return tuple(results)


def as_it_leaves(
    outgoing: Message, arrived: Findings, receiver: Receiver, *, now: int
) -> tuple[Verification, ...]:
    """Verify a changed message with the keys its arrival asked for; nothing is asked."""
    agenda = Agenda(known=arrived.answers)
    examination = Examination(outgoing.header, receiver, Want.DKIM, now=now, agenda=agenda)
    examination.feed(outgoing.body)
    agenda.close(Failure.DEADLINE)
    return agenda.add(examination.finish(), Rank.REST).value.dkim
