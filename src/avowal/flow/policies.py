"""SPF and the policies of author domains, as mechanisms of the inspection.

Both look only at mail that is not ours and came from an address.  Everything that may have
to be asked is asked at the end of the header, together with the keys, so that DKIM, SPF and
DMARC take as many round trips as the longest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from avowal import authres
from avowal.authres import Result
from avowal.canonical import Octets
from avowal.flow.arc import local_policy
from avowal.flow.classes import ResultClass
from avowal.flow.edits import own_ids
from avowal.flow.mechanism import Context, Finding, Findings, Work
from avowal.flow.signatures import DkimWork
from avowal.flow.trace import Step, Topic
from avowal.lookup import Steps
from avowal.mailbox import Authors
from avowal.names import DomainName, NameFault
from avowal.policy.assessment import Assessment, Choice, Disposition, Handling
from avowal.policy.assessment import Generation as GenerationName
from avowal.policy.authentication_results import authentication_results, spf_result
from avowal.policy.engine import Engine
from avowal.policy.evidence import EnvelopeResult, SignatureResult, candidates
from avowal.policy.result import Result as Word
from avowal.policy.spf import SpfRequest, SpfResult, SpfWord, check_identity
from avowal.policy.spf.values import Scope
from avowal.policy.trace import TraceStep
from avowal.policy.verdicts import combined

_DMARC: Final = (GenerationName.DMARC_2026, GenerationName.DMARC_2015)
_CLASSES: Final = {
    Disposition.QUARANTINE: ResultClass.DISPOSITION_QUARANTINE,
    Disposition.REJECT: ResultClass.DISPOSITION_REJECT,
    Disposition.DISCARD: ResultClass.DISPOSITION_DISCARD,
}


# -- SPF ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpfChecking:
    """The mechanism `spf`; the value of its finding is an `EnvelopeResult`, or None."""

    name: str = "spf"

    def begin(self, context: Context, /) -> Work | None:
        """Start checking the client, or take what a host of ours found."""
        wish = context.plan.configuration.policies.spf
        if wish == "off" or not context.is_judged:
            return None
        trusted = context.plan.hosts.trusted_hosts.holds(*context.transaction.host)
        if wish == "trust" or trusted:
            return _TrustedSpf(context)
        return _SpfWork(context)


class _SpfWork:
    """SPF of this client (RFC 7208)."""

    wants_body = False
    __slots__ = ("_request",)

    def __init__(self, context: Context) -> None:
        transaction = context.transaction
        assert transaction.client is not None  # noqa: S101 - `is_judged`
        self._request = SpfRequest(
            client=transaction.client,
            mail_from=transaction.sender or b"",
            helo=transaction.helo or b"",
            receiver=transaction.hostname or "unknown",
            now=context.now,
        )

    def questions(self) -> Steps[Any]:
        return check_identity(self._request)

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        if not isinstance(answers, SpfResult):
            domain = envelope_domain(self._request.mail_from or self._request.helo)
            scope: Scope = "mfrom" if self._request.mail_from else "helo"
            answers = SpfResult(
                word=SpfWord.TEMPERROR, scope=scope, domain=domain, problem="DNS took too long"
            )
        envelope = answers.envelope
        why = answers.term or answers.problem or ""
        name = "the client" if answers.domain is None else answers.domain.ascii
        step = Step(Topic.POLICY, "policies.spf", False, f"spf={answers.word} for {name}: {why}")
        return Finding(
            value=envelope, results=(spf_result(envelope),), steps=(*steps_of(answers.trace), step)
        )


class _TrustedSpf:
    """What a host of ours wrote about the message at the border."""

    wants_body = False
    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    def questions(self) -> Steps[Any]:
        yield from ()

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        context = self._context
        ids = own_ids(context.plan, context.transaction)
        # As it leaves: what is removed as forged is not believed either.
        found = authres.read(context.outgoing, trusted=frozenset(ids)).named("spf") if ids else ()
        if not found:
            why = "no trusted field tells of SPF"
            return Finding(steps=(Step(Topic.POLICY, "policies.spf", False, why),))
        envelope = _envelope(found[0])
        why = f"spf={envelope.result}, as a host of ours found"
        step = Step(Topic.POLICY, "policies.spf", True, why)
        return Finding(value=envelope, results=(spf_result(envelope),), steps=(step,))


def _envelope(result: Result) -> EnvelopeResult:
    written = result.value("smtp.mailfrom")
    scope: Scope = "helo" if written is None else "mfrom"
    domain = envelope_domain((written or result.value("smtp.helo") or "").encode())
    return EnvelopeResult(domain=domain, result=result.result, scope=scope)


def envelope_domain(address: bytes) -> DomainName | None:
    """Return the domain of an address or a HELO name, None for what is no name."""
    try:
        return DomainName.parse(address.rpartition(b"@")[2])
    except NameFault:
        return None


# -- policies ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PolicyChecking:
    """The mechanism `policies`; the value of its finding is an `Assessment`."""

    name: str = "policies"

    def begin(self, context: Context, /) -> Work | None:
        """Start the engine where a generation is wanted."""
        if not context.plan.policy_choice.generations or not context.is_judged:
            return None
        return _PolicyWork(context)


class _PolicyWork:
    wants_body = False
    __slots__ = ("_candidates", "_eager", "_engine", "_envelope", "_plan")

    def __init__(self, context: Context) -> None:
        header = context.header
        written = context.treatment.authorship.written
        authors = written or Authors.of(header, limits=context.plan.limits)
        choice = context.plan.policy_choice
        self._engine = Engine(header, choice, authors=authors, limits=context.plan.limits)
        self._eager = not set(choice.generations) <= set(_DMARC)
        self._plan = context.plan
        self._candidates = _candidates(context)
        transaction = context.transaction
        self._envelope = envelope_domain(transaction.sender or transaction.helo or b"")

    def questions(self) -> Steps[Any]:
        return self._engine.foresee(self._candidates, self._envelope, eager=self._eager)

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        dkim, spf = before.get("dkim"), before.get("spf")
        judgements = () if dkim is None else dkim.value
        signatures = [
            found
            for one in judgements
            if (found := SignatureResult.of(one.verification)) is not None
        ]
        assessment = self._engine.conclude(signatures, None if spf is None else spf.value)
        assessment = self._as_trusted(assessment, before.get("arc"))
        class_, why = _class_of(assessment)
        results = authentication_results(assessment)
        return Finding(
            value=assessment,
            results=tuple(result for result in results if result.method != "spf"),
            class_=class_,
            why=why,
            steps=tuple(steps_of(assessment.trace)),
        )

    def _as_trusted(self, assessment: Assessment, arc: Finding | None) -> Assessment:
        """Return the assessment as a chain of trusted sealers changes it (RFC 8617 §7.2.1)."""
        evaluation = assessment.dmarc
        if arc is None or evaluation is None:
            return assessment
        changed = local_policy(self._plan, arc.value, evaluation)
        if changed is None:
            return assessment
        verdicts = tuple(
            replace(verdict, detail=changed, asks=Disposition.ACCEPT)
            if verdict.detail is evaluation
            else verdict
            for verdict in assessment.verdicts
        )
        disposition, decided_by, _ = combined(verdicts, self._plan.policy_choice)
        return replace(
            assessment,
            verdicts=verdicts,
            disposition=disposition,
            decided_by=decided_by,
            trace=(*assessment.trace, changed.trace[-1]),
        )


def _candidates(context: Context) -> tuple[SignatureResult, ...]:
    """Return the signatures that may pass, from whoever has read them already."""
    dkim = context.begun.get("dkim")
    signatures = dkim.signatures if isinstance(dkim, DkimWork) else None
    if signatures is None:
        return candidates(context.header, limits=context.plan.limits)
    return tuple([SignatureResult.read(signature, "none") for signature in signatures])


def _class_of(assessment: Assessment) -> tuple[ResultClass | None, str]:
    """Return what an action may follow from, and which domain's wish it is."""
    class_ = _CLASSES.get(assessment.disposition)
    verdict = None if assessment.decided_by is None else assessment.of(assessment.decided_by)
    if class_ is not None:
        kind = "DMARC" if assessment.decided_by in _DMARC else f"policy {assessment.decided_by}"
        domains = ", ".join(domain.ascii for domain in assessment.authors.domains)
        return class_, f"{kind} of {domains}: {'' if verdict is None else verdict.why}"
    if assessment.disposition is Disposition.TEMPFAIL or (
        assessment.dmarc is not None and assessment.dmarc.result is Word.TEMPERROR
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
    names = tuple(GenerationName(word) for word in generations)
    decisive = _DMARC if deciding is None else tuple(GenerationName(word) for word in deciding)
    return Choice(generations=names, deciding=decisive, handling=Handling.FULL, **more)
