"""What a message's names have to say for it: SPF, the policies of author domains, opinions.

Each is a conclusion of its own, in the order of the results.  The identity assessor is asked at
the end, when it is known which identifiers are valid (RFC 6376 §2.7, RFC 7073 §3.3), and only
assessors that answer at once: `reputation.background` stands before slow ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from avowal import authres
from avowal.config.model import OpinionLimit
from avowal.examine.findings import Findings
from avowal.flow.classes import ResultClass
from avowal.flow.context import Conclusion, Context
from avowal.flow.results import own_ids
from avowal.flow.trace import Step, Topic
from avowal.names import DomainName
from avowal.policy.assessment import (
    Assessment,
    Choice,
    Handling,
    PolicyDisposition,
    PolicyGeneration,
)
from avowal.policy.authentication_results import (
    envelope_result,
    policy_results,
    spf_result,
)
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.protection import is_vouched_for, sentence
from avowal.policy.result import PolicyResult
from avowal.policy.spf import SpfRequest
from avowal.reputation.opinions import Assessment as Opinions
from avowal.reputation.opinions import Assessor, subjects_of

_DMARC: Final = (PolicyGeneration.DMARC_2026, PolicyGeneration.DMARC_2015)
_CLASSES: Final = {
    PolicyDisposition.QUARANTINE: ResultClass.DISPOSITION_QUARANTINE,
    PolicyDisposition.REJECT: ResultClass.DISPOSITION_REJECT,
    PolicyDisposition.DISCARD: ResultClass.DISPOSITION_DISCARD,
}
_LOGGED = 10  # opinions of one message that stand in the log; the trace has all

# -- SPF: whom it is checked for, or what a host of ours found at the border -----------------


def is_checked(context: Context) -> bool:
    """Whether SPF is of interest for a message."""
    return context.is_judged and context.plan.configuration.policies.spf != "off"


def envelope_of(context: Context) -> SpfRequest | EnvelopeResult | None:
    """Return whom to check SPF for, or what is known; None where there is nothing."""
    if not is_checked(context):
        return None
    transaction = context.transaction
    if _is_trusted(context):
        return _recorded(context)
    assert transaction.client is not None  # noqa: S101 - `is_judged`
    return SpfRequest(
        client=transaction.client,
        mail_from=transaction.sender or b"",
        helo=transaction.helo or b"",
        receiver=transaction.hostname or "unknown",
        now=context.now,
    )


def of_envelope(findings: Findings) -> Conclusion:
    """Return the result of SPF, which was checked, and how it came about."""
    found, envelope = findings.spf, findings.envelope
    if envelope is None:
        why = "no trusted field tells of SPF"
        return Conclusion(steps=(Step(Topic.POLICY, "policies.spf", False, why),))
    results = (spf_result(envelope),)
    if found is None:
        why = f"spf={envelope.result}, as a host of ours found"
        return Conclusion(results=results, steps=(Step(Topic.POLICY, "policies.spf", True, why),))
    why = found.term or found.problem or ""
    name = "the client" if found.domain is None else found.domain.ascii
    step = Step(Topic.POLICY, "policies.spf", False, f"spf={found.word} for {name}: {why}")
    return Conclusion(results=results, told=found.trace, steps=(step,))


def _is_trusted(context: Context) -> bool:
    """Whether a host of ours that stands before us has checked SPF."""
    if context.plan.configuration.policies.spf == "trust":
        return True
    return context.plan.hosts.trusted_hosts.holds(*context.transaction.host)


def _recorded(context: Context) -> EnvelopeResult | None:
    """Return what a host of ours wrote into the message."""
    ids = own_ids(context.plan, context.transaction)
    # As it leaves: what is removed as forged is not believed either.
    found = authres.read(context.outgoing, trusted=frozenset(ids)).named("spf") if ids else ()
    return envelope_result(found[0]) if found else None


# -- the policies of author domains, as actions may follow from them ---------------------------


def of_authors(assessment: Assessment) -> Conclusion:
    """Return the results of the policies, and what they ask for."""
    class_, why = _class_of(assessment)
    results = policy_results(assessment)
    return Conclusion(results=results, class_=class_, why=why, told=assessment.trace)


def _class_of(assessment: Assessment) -> tuple[ResultClass | None, str]:
    """Return what an action may follow from, and which domain's wish it is."""
    class_ = _CLASSES.get(assessment.disposition)
    verdict = None if assessment.decided_by is None else assessment.of(assessment.decided_by)
    if class_ is not None:
        kind = "DMARC" if assessment.decided_by in _DMARC else f"policy {assessment.decided_by}"
        domains = ", ".join(domain.ascii for domain in assessment.authors.domains)
        why = "" if verdict is None else f"{verdict.why} ({verdict.clause})"
        return class_, f"{kind} of {domains}: {why}"
    if assessment.disposition is PolicyDisposition.TEMPFAIL or (
        assessment.dmarc is not None and assessment.dmarc.result is PolicyResult.TEMPERROR
    ):
        return ResultClass.DISPOSITION_UNKNOWN, "the policy of the author's domain"
    return None, ""


def protection_word(findings: Findings) -> str | None:
    """Return whether DNSSEC vouched for the answers, `yes` or `no`; None where none were asked."""
    found = findings.policies
    vouched = None if found is None else is_vouched_for(found)
    return None if vouched is None else "yes" if vouched else "no"


def protected(findings: Findings) -> Iterator[Step]:
    """Tell for which answers DNSSEC vouched, as a step; nothing follows from it."""
    told = "" if findings.policies is None else sentence(findings.policies)
    if told:
        yield Step(Topic.POLICY, "dns.trust_ad", False, f"DNSSEC {told}")


def choice_of(
    generations: tuple[str, ...],
    deciding: tuple[str, ...] | None,
    *,
    dmarc: DmarcRules,
    atps: bool,
    certifiers: tuple[DomainName, ...],
) -> Choice:
    """Return the engine's choice; what is done about it is the actions' business."""
    names = tuple(PolicyGeneration(word) for word in generations)
    decisive = _DMARC if deciding is None else tuple(PolicyGeneration(word) for word in deciding)
    return Choice(
        generations=names,
        deciding=decisive,
        handling=Handling.FULL,
        atps=atps,
        certifiers=certifiers,
        dmarc=dmarc,
    )


# -- opinions about those who answer for the message -------------------------------------------


def of_assessor(context: Context, assessor: Assessor, findings: Findings) -> Conclusion:
    """Return what is known of a stranger's message by the names that answer for it."""
    envelope = findings.envelope
    domain = envelope.domain.ascii if envelope and envelope.domain and envelope.passed else None
    subjects = subjects_of(list(findings.signatures), spf_domain=domain)
    opinions = assessor.assess(subjects, now=context.now)
    limit = _exceeded(context, opinions)
    return Conclusion(
        class_=None if limit is None else ResultClass.DISREPUTABLE,
        why="" if limit is None else f"{limit.assertion} is rated {limit.rating} or more",
        steps=tuple(_steps(opinions, limit)),
        opinions=tuple(str(opinion) for opinion in opinions.opinions[:_LOGGED]),
    )


def _exceeded(context: Context, opinions: Opinions) -> OpinionLimit | None:
    for limit in context.plan.configuration.reputation.limits:
        rating = opinions.rating(limit.assertion, least_confidence=limit.confidence)
        if rating is not None and rating >= limit.rating:
            return limit
    return None


def _steps(opinions: Opinions, limit: OpinionLimit | None) -> Iterator[Step]:
    for opinion in opinions.opinions:
        matched = limit is not None and opinion.assertion == limit.assertion
        yield Step(Topic.POLICY, "reputation", matched, str(opinion))
    for problem in opinions.problems:
        yield Step(Topic.POLICY, "reputation", False, problem)
