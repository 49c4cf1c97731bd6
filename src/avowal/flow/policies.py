"""The policies of author domains, as actions may follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from avowal.examine.findings import Findings
from avowal.flow.classes import ResultClass
from avowal.flow.context import Conclusion
from avowal.flow.trace import Step, Topic
from avowal.policy.assessment import (
    Assessment,
    Choice,
    Handling,
    PolicyDisposition,
    PolicyGeneration,
)
from avowal.policy.authentication_results import authentication_results
from avowal.policy.result import PolicyResult
from avowal.policy.trace import TraceStep

_DMARC: Final = (PolicyGeneration.DMARC_2026, PolicyGeneration.DMARC_2015)
_CLASSES: Final = {
    PolicyDisposition.QUARANTINE: ResultClass.DISPOSITION_QUARANTINE,
    PolicyDisposition.REJECT: ResultClass.DISPOSITION_REJECT,
    PolicyDisposition.DISCARD: ResultClass.DISPOSITION_DISCARD,
}


def conclusion(findings: Findings) -> Conclusion:
    """Return the results of the policies, and what they ask for."""
    assessment = findings.policies
    if assessment is None:
        return Conclusion()
    class_, why = _class_of(assessment)
    results = authentication_results(assessment)
    return Conclusion(
        results=tuple(result for result in results if result.method != "spf"),
        class_=class_,
        why=why,
        steps=tuple(steps_of(assessment.trace)),
    )


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


def steps_of(trace: tuple[TraceStep, ...]) -> Iterator[Step]:
    """Tell a mechanism's own trace in that of the message."""
    for step in trace:
        detail = f": {step.detail}" if step.detail else ""
        why = f"{step.action} {step.subject}{detail}"
        yield Step(Topic.POLICY, step.mechanism, step.action in _MATCHED, why)


_MATCHED: Final = frozenset(("found", "chose", "aligned", "override"))


def choice_of(
    generations: tuple[str, ...], deciding: tuple[str, ...] | None, **more: Any
) -> Choice:
    """Return the engine's choice; what is done about it is the actions' business."""
    names = tuple(PolicyGeneration(word) for word in generations)
    decisive = _DMARC if deciding is None else tuple(PolicyGeneration(word) for word in deciding)
    return Choice(generations=names, deciding=decisive, handling=Handling.FULL, **more)
