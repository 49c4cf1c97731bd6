"""The identity assessor: opinions about those who answer for a message.

Asked at the end, when it is known which identifiers are valid (RFC 6376 §2.7, RFC 7073
§3.3), and of assessors that answer at once: `reputation.background` stands before slow ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from avowal.config.model import OpinionLimit
from avowal.examine.findings import Findings
from avowal.flow.classes import ResultClass
from avowal.flow.context import Conclusion, Context
from avowal.flow.trace import Step, Topic
from avowal.reputation.opinions import Assessment, subjects_of

_LOGGED = 10  # opinions of one message that stand in the log; the trace has all


def conclusion(context: Context, findings: Findings) -> Conclusion:
    """Return what is known of a stranger's message by the names that answer for it."""
    assessor = context.plan.assessor
    if assessor is None or not context.is_judged:
        return Conclusion()
    envelope = findings.envelope
    domain = envelope.domain.ascii if envelope and envelope.domain and envelope.passed else None
    subjects = subjects_of(list(findings.signatures), spf_domain=domain)
    assessment = assessor.assess(subjects, now=context.now)
    limit = _exceeded(context, assessment)
    return Conclusion(
        class_=None if limit is None else ResultClass.DISREPUTABLE,
        why="" if limit is None else f"{limit.assertion} is rated {limit.rating} or more",
        steps=tuple(_steps(assessment, limit)),
        opinions=tuple(str(opinion) for opinion in assessment.opinions[:_LOGGED]),
    )


def _exceeded(context: Context, assessment: Assessment) -> OpinionLimit | None:
    for limit in context.plan.configuration.reputation.limits:
        rating = assessment.rating(limit.assertion, least_confidence=limit.confidence)
        if rating is not None and rating >= limit.rating:
            return limit
    return None


def _steps(assessment: Assessment, limit: OpinionLimit | None) -> Iterator[Step]:
    for opinion in assessment.opinions:
        matched = limit is not None and opinion.assertion == limit.assertion
        yield Step(Topic.POLICY, "reputation", matched, str(opinion))
    for problem in assessment.problems:
        yield Step(Topic.POLICY, "reputation", False, problem)
