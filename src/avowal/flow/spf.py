"""SPF in the inspection: whom it is checked for, or what a host of ours found at the border."""

from __future__ import annotations

from avowal import authres
from avowal.examine.findings import Findings
from avowal.flow.context import Conclusion, Context
from avowal.flow.edits import own_ids
from avowal.flow.policies import steps_of
from avowal.flow.trace import Step, Topic
from avowal.policy.authentication_results import envelope_result, spf_result
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.spf import SpfRequest


def is_checked(context: Context) -> bool:
    """Whether SPF is of interest for a message."""
    return context.is_judged and context.plan.configuration.policies.spf != "off"


def envelope_of(context: Context) -> SpfRequest | EnvelopeResult | None:
    """Return whom to check SPF for, or what is known; None where there is nothing."""
    if not is_checked(context):
        return None
    transaction = context.transaction
    if _is_trusted(context):
        return _recorded(context)
    assert transaction.client is not None  # noqa: S101 - `is_judged`
    return SpfRequest(
        client=transaction.client,
        mail_from=transaction.sender or b"",
        helo=transaction.helo or b"",
        receiver=transaction.hostname or "unknown",
        now=context.now,
    )


def conclusion(context: Context, findings: Findings) -> Conclusion:
    """Return the result of SPF, and how it came about."""
    if not is_checked(context):
        return Conclusion()
    found, envelope = findings.spf, findings.envelope
    if envelope is None:
        why = "no trusted field tells of SPF"
        return Conclusion(steps=(Step(Topic.POLICY, "policies.spf", False, why),))
    results = (spf_result(envelope),)
    if found is None:
        why = f"spf={envelope.result}, as a host of ours found"
        return Conclusion(results=results, steps=(Step(Topic.POLICY, "policies.spf", True, why),))
    why = found.term or found.problem or ""
    name = "the client" if found.domain is None else found.domain.ascii
    step = Step(Topic.POLICY, "policies.spf", False, f"spf={found.word} for {name}: {why}")
    return Conclusion(results=results, steps=(*steps_of(found.trace), step))


def _is_trusted(context: Context) -> bool:
    """Whether a host of ours that stands before us has checked SPF."""
    if context.plan.configuration.policies.spf == "trust":
        return True
    return context.plan.hosts.trusted_hosts.holds(*context.transaction.host)


def _recorded(context: Context) -> EnvelopeResult | None:
    """Return what a host of ours wrote into the message."""
    ids = own_ids(context.plan, context.transaction)
    # As it leaves: what is removed as forged is not believed either.
    found = authres.read(context.outgoing, trusted=frozenset(ids)).named("spf") if ids else ()
    return envelope_result(found[0]) if found else None
