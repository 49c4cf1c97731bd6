"""From the results of single mechanisms to verdicts that can be compared and combined."""

from __future__ import annotations

from avowal.policy import adsp
from avowal.policy.assessment import (
    Choice,
    Detail,
    GenerationVerdict,
    Handling,
    PolicyDisposition,
    PolicyGeneration,
)
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.practices import Practices, Standing
from avowal.policy.result import PolicyResult
from avowal.policy.trace import Trace, TraceStep

_ACCEPT, _QUARANTINE = PolicyDisposition.ACCEPT, PolicyDisposition.QUARANTINE
_SEVERITY = {one: one.severity for one in PolicyDisposition}

# What a word of RFC 5617 §5.4 means, and what the domain wants done.
ADSP = {
    adsp.AdspResult.PASS: (Standing.ACCEPT, _ACCEPT),
    adsp.AdspResult.NONE: (Standing.NEUTRAL, _ACCEPT),
    adsp.AdspResult.UNKNOWN: (Standing.NEUTRAL, _ACCEPT),
    adsp.AdspResult.PERMERROR: (Standing.PERMERROR, _ACCEPT),
    adsp.AdspResult.FAIL: (Standing.SUSPICIOUS, _QUARANTINE),
    adsp.AdspResult.NXDOMAIN: (Standing.SUSPICIOUS, _QUARANTINE),
    adsp.AdspResult.TEMPERROR: (Standing.TEMPERROR, _ACCEPT),
    adsp.AdspResult.DISCARD: (Standing.SUSPICIOUS, PolicyDisposition.DISCARD),
}
# The same for RFC 9989 §9.2; a fail is suspicious as far as the domain asks for something.
DMARC = {
    PolicyResult.PASS: Standing.ACCEPT,
    PolicyResult.NONE: Standing.NEUTRAL,
    PolicyResult.FAIL: Standing.SUSPICIOUS,
    PolicyResult.TEMPERROR: Standing.TEMPERROR,
    PolicyResult.PERMERROR: Standing.PERMERROR,
}
ASKED = {
    Policy.NONE: _ACCEPT,
    Policy.QUARANTINE: _QUARANTINE,
    Policy.REJECT: PolicyDisposition.REJECT,
}
# The mildest and strictest thing that each handling does.
_STRICTEST = {
    Handling.REPORT: _ACCEPT,
    Handling.CAUTIOUS: _QUARANTINE,
    Handling.FULL: PolicyDisposition.DISCARD,
}


def verdict_of(generation: PolicyGeneration, detail: Detail) -> GenerationVerdict:
    """Say what one result means."""
    if isinstance(detail, Practices):
        standing = detail.standing
        suspicious = standing is Standing.SUSPICIOUS
        asks = _QUARANTINE if suspicious else _ACCEPT
        why = "" if detail.decisive is None else detail.decisive.why
    elif isinstance(detail, adsp.Adsp):
        standing, asks = ADSP[detail.result]
        why = "" if detail.decisive is None else detail.decisive.why
    else:
        standing, asks = DMARC[detail.result], ASKED[detail.disposition]
        if standing is Standing.SUSPICIOUS and asks is _ACCEPT:
            standing = Standing.NEUTRAL  # p=none changes nothing (RFC 9989 §5.4)
        why = _why(detail)
    if not isinstance(detail, Evaluation) and detail.beyond and asks in (_ACCEPT, _QUARANTINE):
        asks = PolicyDisposition.REJECT  # as for DMARC: who was not asked may ask for it
    word = standing.value if isinstance(detail, Practices) else detail.result.value
    return GenerationVerdict(
        generation=generation,
        word=word,
        standing=standing,
        asks=asks,
        unknown=detail.unknown,
        why=why,
        detail=detail,
    )


def combined(
    verdicts: tuple[GenerationVerdict, ...], choice: Choice
) -> tuple[PolicyDisposition, PolicyGeneration | None, Trace]:
    """Say what is done: the strictest wish that counts, as far as the receiver follows it.

    Where some author's policy is not known and the receiver answers that with "later", it is
    later unless the message is refused anyway: a further author lifts no deferral.
    """
    deciding = [verdict for verdict in verdicts if choice.decides(verdict.generation)]
    verdict = max(deciding, key=lambda v: _SEVERITY[v.asks], default=None)
    if verdict is None:
        return _ACCEPT, None, ()
    follows = min(verdict.asks, _STRICTEST[choice.handling], key=_SEVERITY.__getitem__)
    unknown = next((v for v in deciding if v.unknown), None) if choice.tempfail else None
    if unknown is not None and _SEVERITY[follows] < _SEVERITY[PolicyDisposition.TEMPFAIL]:
        return _concluded(PolicyDisposition.TEMPFAIL, unknown)
    if verdict.asks is _ACCEPT:
        return _ACCEPT, None, ()
    if follows is not verdict.asks:
        subject = f"{verdict.generation} asks {verdict.asks}"
        step = TraceStep("engine", "override", subject, f"handling is {choice.handling}")
        return follows, verdict.generation, (step,)
    return _concluded(verdict.asks, verdict)


def _concluded(
    disposition: PolicyDisposition, verdict: GenerationVerdict
) -> tuple[PolicyDisposition, PolicyGeneration | None, Trace]:
    subject = f"{verdict.generation} asks {disposition}"
    step = TraceStep("engine", "concluded", disposition.value, subject)
    return disposition, verdict.generation, (step,)


def _why(evaluation: Evaluation) -> str:
    decisive = evaluation.decisive
    if decisive is None:
        return ", ".join(str(problem) for problem in evaluation.problems)
    if decisive.failure is not None:
        return f"no answer: {decisive.failure}"
    if decisive.record_domain is None:
        return f"{decisive.domain.ascii} publishes no policy"
    passing = [a for a in decisive.alignments if a.aligned and a.result == "pass"]
    if passing:
        return f"{passing[0].mechanism} {passing[0].domain.ascii} is aligned: {passing[0].why}"
    return f"nothing is aligned, {decisive.tag}={decisive.policy} of {decisive.record_domain}"
