"""Reports of DMARC failures that owners ask for and the operator consents to (RFC 9991).

Nothing is asked of DNS here and nothing waits: what is to be told of a message is taken from its
findings.  Whether an address may have it is asked when the report leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from avowal.config.model import Configuration
from avowal.flow.actions import FlowDisposition
from avowal.flow.context import Context
from avowal.flow.outcome import FlowOutcome
from avowal.flow.plan import Plan
from avowal.flow.results import own_ids
from avowal.flow.trace import Step, Topic
from avowal.lookup import Outcome, Question
from avowal.names import DomainName, is_below
from avowal.policy.dmarc.result import DomainEvaluation
from avowal.policy.evidence import EnvelopeResult
from avowal.report.arf import delivery_of
from avowal.report.automatic_mail import is_report
from avowal.report.failure_case import FailureDraft
from avowal.report.failure_request import FailureRequest, failure_request

_OPTION = ("failure_reports", "domains")


def consents(domain: str, domains: Iterable[DomainName]) -> bool:
    """Whether a policy domain is one of those, or below one, whose owners may have reports."""
    return any(is_below(domain, one.ascii) for one in domains)


def draft(outcome: FlowOutcome, disposition: FlowDisposition, *, held: bool) -> FailureDraft | None:
    """Return what is to be reported of a message; None: nothing.

    Neither reports nor bounces are reported, nor mail that has a temporary answer: it comes again.
    """
    context = outcome.context
    domains = context.plan.failure_domains
    if not domains or disposition is FlowDisposition.TEMPFAIL or _is_exempt(context):
        return None
    found = outcome.findings.policies
    decisive = None if found is None or found.dmarc is None else found.dmarc.decisive
    if decisive is None or decisive.record_domain is None:
        return None
    if not consents(decisive.record_domain, domains):
        return None
    request = failure_request(decisive, outcome.findings.signatures, outcome.findings.envelope)
    if request is None:
        return None
    return _draft(outcome, decisive, request, delivery_of(disposition.value, held=held))


def step(plan: Plan, made: FailureDraft) -> Step:
    """Return the trace of a report that is wanted."""
    why = f"{made.domain} wants failure reports, and may have them: {made.failure}"
    return plan.step(Topic.REPORTS, _OPTION, why, matched=True)


def _is_exempt(context: Context) -> bool:
    return context.transaction.sender in {b"", None} or is_report(context.header)


def _draft(
    outcome: FlowOutcome, decisive: DomainEvaluation, request: FailureRequest, delivery: str
) -> FailureDraft:
    plan, transaction = outcome.context.plan, outcome.context.transaction
    envelope, one = outcome.findings.envelope, request.signature
    signature = None if one is None else one.signature
    told = None
    if signature is not None:
        identity = signature.identity or f"@{signature.domain.ascii}"
        told = signature.domain.ascii, signature.selector.ascii, str(identity)
    spf = request.failure == "spf" or (request.failure == "dmarc" and "spf" in request.unaligned)
    return FailureDraft(
        time=transaction.received_at,
        host=(transaction.hostname or (*own_ids(plan, transaction), "localhost")[0]).lower(),
        domain=decisive.record_domain or decisive.domain.ascii,
        author=decisive.domain.ascii,
        failure=request.failure,
        unaligned=request.unaligned,
        result=_result(decisive, request, envelope),
        delivery=delivery,
        header=outcome.context.header,
        client=None if transaction.client is None else str(transaction.client),
        sender=transaction.sender,
        queue_id=transaction.queue_id,
        signature=told,
        spf_records=_spf_records(outcome, envelope) if spf else (),
    )


def _result(
    decisive: DomainEvaluation, request: FailureRequest, envelope: EnvelopeResult | None
) -> str:
    """Return the result of the one method that the report is about (RFC 6591 §3.1)."""
    if request.failure == "dmarc":
        return f"dmarc={decisive.result.value} header.from={decisive.domain.ascii}"
    if request.failure == "spf" and envelope is not None:
        where = "smtp.helo" if envelope.scope == "helo" else "smtp.mailfrom"
        name = "" if envelope.domain is None else f" {where}={envelope.domain.ascii}"
        return f"spf={envelope.result}{name}"
    one = request.signature
    if one is None:
        return "dkim=none"
    return f"dkim={one.result.value} header.d={one.domain} header.s={one.selector}"


def _spf_records(
    outcome: FlowOutcome, envelope: EnvelopeResult | None
) -> tuple[tuple[str, str], ...]:
    """Return the record that SPF went by (RFC 6591 §3.2.6), as DNS gave it for this message."""
    if envelope is None or envelope.domain is None:
        return ()
    name = envelope.domain.ascii
    answer = outcome.findings.answers.get(Question(name))
    if answer is None or answer.outcome is not Outcome.FOUND:
        return ()
    records = [one for one in answer.records if one.lower().startswith(b"v=spf1")]
    texts = [one.decode("ascii", "replace") for one in records[:2]]  # RFC 7208 §4.5: one
    return tuple((name, text) for text in texts)


def mistakes_in(configuration: Configuration) -> Iterator[tuple[tuple[str, str], str, str]]:
    """Yield what cannot be meant: the option, what is wrong with it, and what to do."""
    wanted, store = configuration.failure_reports, configuration.events.store
    if not wanted.domains:
        return
    if store is None:
        why = "reports wait in the store of events, and there is none"
        yield _OPTION, why, "set events.store"
    elif store.startswith("lines:") or store.endswith((".jsonl", ".ndjson")):
        why = f"reports wait in the store of events, and {store} cannot be read"
        yield _OPTION, why, "set events.store to sqlite:PATH or postgresql://..."
    if configuration.aggregate.sender is None:
        yield _OPTION, "nobody is named as their sender", "set aggregate.sender and aggregate.key"
