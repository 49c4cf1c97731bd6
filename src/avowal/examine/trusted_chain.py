"""What a chain of trusted sealers changes about a policy that fails (RFC 8617 §7.2.1, §9.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from avowal.arc.verdict import ChainVerification, report_comment
from avowal.authres import AuthenticationResults
from avowal.names import DomainName
from avowal.policy.assessment import Assessment, Choice, PolicyDisposition, combined
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation, Override
from avowal.policy.result import PolicyResult

_TELLING = frozenset(("pass", "fail"))


def untrusted_sealer(
    chain: ChainVerification, trusts: Callable[[DomainName], bool]
) -> DomainName | None:
    """Return a sealer that is not trusted, None when there is none."""
    sealers = (arc_set.seal.domain for arc_set in chain.chain.sets)
    return next((sealer for sealer in sealers if not trusts(sealer)), None)


def as_trusted(assessment: Assessment, chain: ChainVerification, choice: Choice) -> Assessment:
    """Return the assessment as a valid chain, all of whose sealers are trusted, changes it."""
    evaluation = assessment.dmarc
    # RFC 9989 §11.5: who cannot be listed may have asked to refuse it, and nobody saw them pass.
    if evaluation is None or not assessment.authors.complete:
        return assessment
    changed = _overridden(evaluation, chain)
    if changed is None:
        return assessment
    verdicts = tuple(
        replace(verdict, detail=changed, asks=PolicyDisposition.ACCEPT)
        if verdict.detail is evaluation
        else verdict
        for verdict in assessment.verdicts
    )
    disposition, decided_by, _ = combined(verdicts, choice)
    return replace(
        assessment,
        verdicts=verdicts,
        disposition=disposition,
        decided_by=decided_by,
        trace=(*assessment.trace, changed.trace[-1]),
    )


def _overridden(evaluation: Evaluation, chain: ChainVerification) -> Evaluation | None:
    """Override a failure where some sealer saw each author pass whose policy fails now."""
    if evaluation.result is not PolicyResult.FAIL or evaluation.disposition is Policy.NONE:
        return None
    failing = [one.domain for one in evaluation.evaluations if one.result is PolicyResult.FAIL]
    if not all(saw_pass(chain, author) for author in failing):
        return None
    return evaluation.overridden(
        Override("local_policy", report_comment(chain), disposition=Policy.NONE)
    )


def saw_pass(chain: ChainVerification, author: DomainName) -> bool:
    """Whether the first of the sets that tells says that this author passed DMARC, and only that.

    All sealers speak.  A later pass does not mend an earlier failure: what changed in between is
    that somebody we trust let the message through.
    """
    for arc_set in chain.chain.sets:
        told = _told(arc_set.results.results, author)
        if told:
            return told == {"pass"}
    return False


def _told(results: AuthenticationResults | None, author: DomainName) -> set[str]:
    """What a hop found of this author by DMARC: pass, fail, both, or neither."""
    names = (author.ascii, author.text.lower())
    found = () if results is None else results.named("dmarc")
    return {
        result.result
        for result in found
        if result.result in _TELLING and (result.value("header.from") or "").lower() in names
    }
