"""An assessment as text for a person and as a JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from avowal.cli.sources import MessageOrigin
from avowal.policy.assessment import Assessment, GenerationVerdict
from avowal.policy.dmarc.result import DomainEvaluation, Evaluation
from avowal.policy.practices import Standing
from avowal.policy.protection import sentence
from avowal.text import printable

_COLOURS = {
    Standing.ACCEPT: "green",
    Standing.NEUTRAL: "yellow",
    Standing.SUSPICIOUS: "red",
    Standing.PERMERROR: "red",
    Standing.TEMPERROR: "magenta",
}


def as_text(origin: MessageOrigin, assessment: Assessment, *, trace: bool) -> str:
    """Return lines for a person."""
    return "\n".join(_lines(origin, assessment, trace=trace))


def _lines(origin: MessageOrigin, assessment: Assessment, *, trace: bool) -> Iterator[str]:
    authors = ", ".join(str(mailbox) for mailbox in assessment.authors.mailboxes[:10])
    yield click.style(printable(str(origin)), bold=True)
    yield f"  author     {printable(authors or 'nobody that can be read')}"
    for problem in assessment.authors.problems:
        yield f"             From: {problem.sentence}"
    for signature in assessment.signatures:
        yield printable(f"  dkim       {signature.result} d={signature.domain.ascii}")
    if assessment.envelope is not None:
        envelope = assessment.envelope
        name = "" if envelope.domain is None else f" {envelope.scope}={envelope.domain.ascii}"
        yield f"  spf        {envelope.result}{name}"
    for verdict in assessment.verdicts:
        word = click.style(verdict.word, fg=_COLOURS[verdict.standing], bold=True)
        asks = "" if verdict.asks == "accept" else f", asks {verdict.asks}"
        why = f"{printable(verdict.why)} ({verdict.clause})"
        yield f"  {verdict.generation.value:<10} {word}{asks}: {why}"
    if assessment.atps is not None:
        yield f"  atps       {assessment.atps.result}"
    if assessment.vbr is not None:
        yield f"  vbr        {assessment.vbr.result}"
    decided = f" by {assessment.decided_by}" if assessment.decided_by else ""
    yield f"  disposition {assessment.disposition}{decided}"
    protection = sentence(assessment)
    if protection:
        yield f"  dnssec     {protection}"
    for line in assessment.differences:
        yield f"  differs    {printable(line)}"
    for step in assessment.trace if trace else ():
        yield f"    {printable(str(step))}"


def as_object(origin: MessageOrigin, assessment: Assessment) -> dict[str, Any]:
    """Return the JSON object of a message; members are added, never renamed."""
    envelope = assessment.envelope
    return {
        "source": origin.path,
        "message": origin.number,
        "authors": [str(mailbox) for mailbox in assessment.authors.mailboxes],
        "author_domains": [domain.ascii for domain in assessment.authors.domains],
        "problems": [problem.value for problem in assessment.authors.problems],
        "dkim": [
            {"domain": signature.domain.ascii, "result": signature.result}
            for signature in assessment.signatures
        ],
        "spf": None
        if envelope is None
        else {
            "result": envelope.result,
            "scope": envelope.scope,
            "domain": None if envelope.domain is None else envelope.domain.ascii,
        },
        "verdicts": [_verdict(verdict) for verdict in assessment.verdicts],
        "atps": None if assessment.atps is None else assessment.atps.result.value,
        "vbr": None if assessment.vbr is None else assessment.vbr.result.value,
        "disposition": assessment.disposition.value,
        "decided_by": assessment.decided_by and assessment.decided_by.value,
        "differences": list(assessment.differences),
        "unprotected": [
            {"name": question.name, "type": question.type} for question in assessment.unprotected
        ],
        "trace": [
            {
                "mechanism": step.mechanism,
                "action": step.action,
                "subject": step.subject,
                "detail": step.detail,
            }
            for step in assessment.trace
        ],
    }


def _verdict(verdict: GenerationVerdict) -> dict[str, Any]:
    members: dict[str, Any] = {
        "generation": verdict.generation.value,
        "result": verdict.word,
        "standing": verdict.standing.value,
        "asks": verdict.asks.value,
        "why": verdict.why,
        "clause": verdict.clause,
    }
    if isinstance(verdict.detail, Evaluation):
        members["domains"] = [_domain(one) for one in verdict.detail.evaluations]
    return members


def _domain(one: DomainEvaluation) -> dict[str, Any]:
    return {
        "domain": one.domain.ascii,
        "result": one.result.value,
        "policy": None if one.policy is None else one.policy.value,
        "disposition": one.disposition.value,
        "tag": one.tag,
        "record_domain": one.record_domain,
        "organizational_domain": one.organizational_domain,
        "alignments": [
            {
                "mechanism": a.mechanism,
                "domain": a.domain.ascii,
                "mode": a.mode,
                "result": a.result,
                "aligned": a.aligned,
                "why": a.why,
            }
            for a in one.alignments
        ],
        "overrides": [{"type": r.type, "comment": r.comment} for r in one.reasons],
    }
