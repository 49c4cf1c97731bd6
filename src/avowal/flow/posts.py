"""Posts to lists: what local policy says of mail that is to be signed again (RFC 6377 §5).

Two questions, each with an action of its own: does anything show that the author's domain
sent it (§5.6), and does that domain want its mail on a list that breaks signatures (§5.2)?
By default neither has a consequence.  Where DNS gave no answer, nobody is refused for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from avowal.canonical import Octets
from avowal.flow.classes import ResultClass
from avowal.flow.mechanism import Context, Finding, Findings, Work
from avowal.flow.signatures import Judgement
from avowal.flow.trace import Step, Topic
from avowal.lookup import Steps
from avowal.mailbox import Authors
from avowal.policy import adsp
from avowal.policy.assessment import Assessment, Generation
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.practice_record import DISCARDABLE
from avowal.policy.result import Result as Word

_FINAL: Final = frozenset(("reject", "discard"))


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

    def questions(self) -> Steps[adsp.Adsp | None]:
        """Ask who calls unsigned mail discardable, where that matters and nobody else asks."""
        plan = self._context.plan
        asked = Generation.ADSP in plan.policy_choice.generations
        if asked or plan.actions[ResultClass.STRICT_AUTHOR] == "accept":
            return None
        written = self._context.treatment.authorship.written
        authors = written or Authors.of(self._context.header, limits=plan.limits)
        return (yield from adsp.evaluate(authors))

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        policies = before.get("policies")
        assessment = None if policies is None else policies.value
        practices = answers if assessment is None else assessment.adsp or answers
        found = [*_strict(assessment, practices), *self._unauthenticated(assessment, before)]
        if not found:
            return Finding()
        actions = self._context.plan.actions
        class_, why = next((one for one in found if actions[one[0]] != "accept"), found[0])
        steps = tuple(Step(Topic.POLICY, f"actions.{one}", True, text) for one, text in found)
        return Finding(class_=class_, why=why, steps=steps)

    def _unauthenticated(
        self, assessment: Assessment | None, before: Findings
    ) -> Iterator[tuple[ResultClass, str]]:
        evaluation = None if assessment is None else assessment.dmarc
        if evaluation is not None and evaluation.result is Word.PASS:
            return
        dkim = before.get("dkim")
        judgements = () if dkim is None else dkim.value
        if _is_open(evaluation, judgements) and (
            self._context.plan.actions[ResultClass.UNAUTHENTICATED_POST] in _FINAL
        ):
            return
        signers = [
            one.verification.signature.domain
            for one in judgements
            if one.counts and one.verification.signature is not None
        ]
        for author in self._context.treatment.authorship.authors:
            if not any(author.domain.is_within(signer) for signer in signers):
                yield ResultClass.UNAUTHENTICATED_POST, f"no signature of {author.domain} passes"
                return


def _strict(
    assessment: Assessment | None, practices: adsp.Adsp | None
) -> Iterator[tuple[ResultClass, str]]:
    evaluation = None if assessment is None else assessment.dmarc
    for one in () if evaluation is None else evaluation.evaluations:
        if one.policy in (Policy.QUARANTINE, Policy.REJECT):
            yield ResultClass.STRICT_AUTHOR, f"{one.domain} publishes p={one.policy}"
            return
    for found in () if practices is None else practices.domains:
        if found.record is not None and found.record.practices == DISCARDABLE:
            yield ResultClass.STRICT_AUTHOR, f"{found.domain} publishes dkim={DISCARDABLE}"
            return


def _is_open(evaluation: Evaluation | None, judgements: Sequence[Judgement]) -> bool:
    """Whether an answer that DNS did not give could still show who sent it."""
    if evaluation is not None and evaluation.result is Word.TEMPERROR:
        return True
    return any(one.class_ is ResultClass.DNS_ERROR for one in judgements)
