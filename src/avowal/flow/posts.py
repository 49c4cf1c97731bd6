"""Posts to lists: what local policy says of mail that is to be signed again (RFC 6377 §5).

Two questions, each with an action of its own: does anything show that the author's domain
sent it (§5.6), and does that domain want its mail on a list that breaks signatures (§5.2)?
By default neither has a consequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from avowal.canonical import Octets
from avowal.flow.classes import ResultClass
from avowal.flow.mechanism import Context, Finding, Findings, Work
from avowal.flow.trace import Step, Topic
from avowal.lookup import Steps
from avowal.policy.assessment import Assessment
from avowal.policy.dmarc.record import Policy
from avowal.policy.result import Result as Word
from avowal.policy.words import DISCARDABLE


@dataclass(frozen=True, slots=True)
class PostJudging:
    """The mechanism `posts`; it stands behind `dkim` and `policies`, whose findings it reads."""

    name: str = "posts"

    def begin(self, context: Context, /) -> Work | None:
        """Start on incoming mail that a rule of `signing.resign` is for."""
        treatment = context.treatment
        return _PostWork(context) if treatment.resign and not treatment.outgoing else None


class _PostWork:
    wants_body = False
    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def questions(self) -> Steps[Any]:
        yield from ()

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        policies = before.get("policies")
        assessment = None if policies is None else policies.value
        found = [*self._strict(assessment), *self._unauthenticated(assessment, before)]
        if not found:
            return Finding()
        actions = self._context.plan.actions
        class_, why = next((one for one in found if actions[one[0]] != "accept"), found[0])
        steps = tuple(Step(Topic.POLICY, f"actions.{one}", True, text) for one, text in found)
        return Finding(class_=class_, why=why, steps=steps)

    def _strict(self, assessment: Assessment | None) -> Iterator[tuple[ResultClass, str]]:
        if assessment is None:
            return
        evaluation, practices = assessment.dmarc, assessment.adsp
        for one in () if evaluation is None else evaluation.evaluations:
            if one.policy in (Policy.QUARANTINE, Policy.REJECT):
                yield ResultClass.STRICT_AUTHOR, f"{one.domain} publishes p={one.policy}"
                return
        for found in () if practices is None else practices.domains:
            if found.record is not None and found.record.practices == DISCARDABLE:
                yield ResultClass.STRICT_AUTHOR, f"{found.domain} publishes dkim={DISCARDABLE}"
                return

    def _unauthenticated(
        self, assessment: Assessment | None, before: Findings
    ) -> Iterator[tuple[ResultClass, str]]:
        evaluation = None if assessment is None else assessment.dmarc
        if evaluation is not None and evaluation.result is Word.PASS:
            return
        dkim = before.get("dkim")
        signers = [
            one.verification.signature.domain
            for one in (() if dkim is None else dkim.value)
            if one.counts and one.verification.signature is not None
        ]
        for author in self._context.treatment.authorship.authors:
            if not any(author.domain.is_within(signer) for signer in signers):
                yield ResultClass.UNAUTHENTICATED_POST, f"no signature of {author.domain} passes"
                return
