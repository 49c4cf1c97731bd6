"""Posts to lists: what local policy says of mail that is to be signed again (RFC 6377 §5).

Two questions, each with an action of its own: does anything show that the author's domain
sent it (§5.6), and does that domain want its mail on a list that breaks signatures (§5.2)?
Both are answered as `avowal.examine.posts` answers them for every list: whatever policy the
domain has, by every generation that speaks of it.
By default neither has a consequence.  Where DNS gave no answer, nobody is refused for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from avowal.examine.findings import Findings
from avowal.examine.posts import SOMEBODY, is_authenticated, list_choice
from avowal.flow.classes import ResultClass
from avowal.flow.context import Conclusion, Context
from avowal.flow.signatures import SiteVerdict
from avowal.flow.trace import Step, Topic
from avowal.lookup import Steps
from avowal.policy.assessment import Assessment
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.evidence import SignatureResult
from avowal.policy.result import PolicyResult
from avowal.policy.wishes import Wish
from avowal.policy.wishes import wishes as asked_wishes

_FINAL: Final = frozenset(("reject", "discard"))


def wishes(context: Context) -> Steps[tuple[Wish, ...]] | None:
    """Ask what authors' domains want of a post, which a list changes, where that matters."""
    plan = context.plan
    if plan.actions[ResultClass.STRICT_AUTHOR] == "accept":
        return None
    own = SignatureResult(domain=SOMEBODY, result="pass")
    return asked_wishes(
        context.header,
        list_choice(plan.receiver.choice),
        (own,),
        authors=context.treatment.authorship.written,
        limits=plan.receiver.limits,
    )


def conclusion(
    context: Context,
    findings: Findings,
    judgements: Sequence[SiteVerdict],
    wishes: tuple[Wish, ...] | None,
) -> Conclusion:
    """Return what local policy says of a post; `wishes` is what `wishes` asked for."""
    found = [
        *_strict(findings.policies, wishes),
        *_unauthenticated(context, findings.policies, judgements),
    ]
    if not found:
        return Conclusion()
    actions = context.plan.actions
    class_, why = next((one for one in found if actions[one[0]] != "accept"), found[0])
    steps = tuple(Step(Topic.POLICY, f"actions.{one}", True, text) for one, text in found)
    return Conclusion(class_=class_, why=why, steps=steps)


def _unauthenticated(
    context: Context, assessment: Assessment | None, judgements: Sequence[SiteVerdict]
) -> Iterator[tuple[ResultClass, str]]:
    evaluation = None if assessment is None else assessment.dmarc
    if evaluation is not None and evaluation.result is PolicyResult.PASS:
        return
    final = context.plan.actions[ResultClass.UNAUTHENTICATED_POST] in _FINAL
    if final and _is_open(evaluation, judgements):
        return
    signers = [
        one.verification.signature.domain
        for one in judgements
        if one.counts and one.verification.signature is not None
    ]
    for author in context.treatment.authorship.authors:
        if not is_authenticated(author.domain, assessment, signers):
            yield ResultClass.UNAUTHENTICATED_POST, f"no signature of {author.domain} passes"
            return


def _strict(
    assessment: Assessment | None, wishes: tuple[Wish, ...] | None
) -> Iterator[tuple[ResultClass, str]]:
    """Name the first wish that the list's own signature does not meet: the author's may break."""
    evaluation = None if assessment is None else assessment.dmarc
    for one in () if evaluation is None else evaluation.evaluations:
        if one.policy in (Policy.QUARANTINE, Policy.REJECT):
            yield ResultClass.STRICT_AUTHOR, f"{one.domain} publishes p={one.policy}"
            return
    for wish in wishes or ():
        if not wish.met_by:
            yield ResultClass.STRICT_AUTHOR, wish.sentence
            return


def _is_open(evaluation: Evaluation | None, judgements: Sequence[SiteVerdict]) -> bool:
    """Whether an answer that DNS did not give could still show who sent it."""
    if evaluation is not None and evaluation.result is PolicyResult.TEMPERROR:
        return True
    return any(one.class_ is ResultClass.DNS_ERROR for one in judgements)
