"""An assessment as results of Authentication-Results (RFC 8601 §2.7).

Only registered methods are written: SSP and the policy of DomainKeys never had one.  DKIM's
own results belong to whoever verified the signatures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from avowal.authres import MethodResult
from avowal.names import DomainName, NameFault
from avowal.policy.assessment import Assessment
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.result import PolicyResult
from avowal.policy.vbr import Vbr


def authentication_results(assessment: Assessment) -> tuple[MethodResult, ...]:
    """Return one result per method, one per author domain for dkim-adsp."""
    envelope = assessment.envelope
    results = policy_results(assessment)
    return results if envelope is None else (spf_result(envelope), *results)


def policy_results(assessment: Assessment) -> tuple[MethodResult, ...]:
    """Return the same without SPF: what the policies of author domains came to."""
    return tuple(_results(assessment))


def _results(assessment: Assessment) -> Iterator[MethodResult]:
    dmarc, adsp = assessment.dmarc, assessment.adsp
    if dmarc is not None:
        yield dmarc_result(dmarc)
    if adsp is not None:
        for one in adsp.domains:
            yield MethodResult(
                "dkim-adsp",
                one.result.value,
                reason=one.why or None,
                properties=(("header.from", one.domain.ascii),),
            )
    if assessment.atps is not None:
        authors = dict.fromkeys(claim.author.ascii for claim in assessment.atps.claims)
        properties = tuple(("header.from", author) for author in authors)
        yield MethodResult("dkim-atps", assessment.atps.result.value, properties=properties)
    if assessment.vbr is not None:
        yield MethodResult("vbr", assessment.vbr.result.value, properties=_voucher(assessment.vbr))


def _voucher(vbr: Vbr) -> tuple[tuple[str, str], ...]:
    if vbr.decisive is None:
        return ()
    return (
        ("header.md", vbr.decisive.domain.ascii),
        ("header.mv", vbr.decisive.certifier.ascii),
    )


def spf_result(envelope: EnvelopeResult) -> MethodResult:
    """Return the result of SPF: the domain alone, a local part is not authenticated (§2.7.2)."""
    name = "smtp.mailfrom" if envelope.scope == "mfrom" else "smtp.helo"
    properties = () if envelope.domain is None else ((name, envelope.domain.ascii),)
    return MethodResult("spf", envelope.result, properties=properties)


def envelope_result(result: MethodResult) -> EnvelopeResult:
    """Return what SPF said, as a host that is trusted has written it: `spf_result` read back."""
    written = result.value("smtp.mailfrom")
    scope: Literal["mfrom", "helo"] = "helo" if written is None else "mfrom"
    address = (written or result.value("smtp.helo") or "").encode()
    try:
        domain = DomainName.parse(address.rpartition(b"@")[2])
    except NameFault:
        domain = None
    return EnvelopeResult(domain=domain, result=result.result, scope=scope)


def dmarc_result(evaluation: Evaluation) -> MethodResult:
    """Return the result of DMARC (RFC 9989 §9.1).

    policy.dmarc is what would be, or is, applied: after sp=, np= and t=.
    """
    properties = []
    policy, decisive = None, evaluation.decisive
    if decisive is not None:
        properties.append(("header.from", decisive.domain.ascii))
        policy = decisive.policy
    if evaluation.result is PolicyResult.FAIL:
        policy = evaluation.disposition
    if policy is not None:
        properties.append(("policy.dmarc", policy.value))
    reasons = "; ".join(
        " ".join(part for part in (reason.type, reason.comment) if part)
        for reason in evaluation.reasons
    )
    return MethodResult(
        "dmarc",
        evaluation.result.value,
        properties=tuple(properties),
        comment=reasons or None,
    )
