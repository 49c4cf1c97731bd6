"""The identity assessor as a mechanism: opinions about those who answer for a message.

Asked at the end, when it is known which identifiers are valid (RFC 6376 §2.7, RFC 7073
§3.3), and of assessors that answer at once: `reputation.background` stands before slow ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from avowal.canonical import Octets
from avowal.config.model import OpinionLimit
from avowal.flow.classes import ResultClass
from avowal.flow.mechanism import Context, Finding, Findings, Work
from avowal.flow.trace import Step, Topic
from avowal.lookup import Steps
from avowal.reputation.opinions import Assessment, Assessor, subjects_of


@dataclass(frozen=True, slots=True)
class ReputationAsking:
    """The mechanism `reputation`; the value of its finding is an `Assessment`."""

    assessor: Assessor
    name: str = "reputation"

    def begin(self, context: Context, /) -> Work | None:
        """Ask about mail of strangers."""
        return _ReputationWork(context, self.assessor) if context.is_judged else None


class _ReputationWork:
    wants_body = False
    __slots__ = ("_assessor", "_context")

    def __init__(self, context: Context, assessor: Assessor) -> None:
        self._context = context
        self._assessor = assessor

    def questions(self) -> Steps[Any]:
        yield from ()

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        dkim, spf = before.get("dkim"), before.get("spf")
        verifications = [one.verification for one in dkim.value] if dkim is not None else []
        envelope = None if spf is None else spf.value
        domain = envelope.domain.ascii if envelope is not None and envelope.passed else None
        subjects = subjects_of(verifications, spf_domain=domain)
        assessment = self._assessor.assess(subjects, now=self._context.now)
        limit = self._exceeded(assessment)
        return Finding(
            value=assessment,
            class_=None if limit is None else ResultClass.DISREPUTABLE,
            why="" if limit is None else f"{limit.assertion} is rated {limit.rating} or more",
            steps=tuple(_steps(assessment, limit)),
        )

    def _exceeded(self, assessment: Assessment) -> OpinionLimit | None:
        for limit in self._context.plan.configuration.reputation.limits:
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
