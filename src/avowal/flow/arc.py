"""Chains of custody (RFC 8617: Experimental, on its way to Historic) in the inspection.

The chain of incoming mail is validated; mail that passes on may get a set of its own, made
last; and where the operator trusts all sealers of a valid chain, a failing DMARC policy is
not applied (§7.2.1).  All of it is off unless the table `arc` turns it on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from avowal.arc.sealer import Sealer, refusal_of, register_body
from avowal.arc.verdict import ChainVerification, result_of
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.intent import Intent
from avowal.errors import KeyMaterialError
from avowal.examine.findings import Findings
from avowal.flow.context import Conclusion, Context
from avowal.flow.origin import listed
from avowal.flow.seals import Closing, FlowSeal, Sealed, Sealing
from avowal.flow.trace import Step, Topic
from avowal.keys.watch import is_withheld


def conclusion(context: Context, findings: Findings, verdict: ChainVerification) -> Conclusion:
    """Return the result of the chain, and what follows from it."""
    client = context.transaction.client
    result = result_of(verdict, None if client is None else str(client))
    return Conclusion(results=(result,), steps=tuple(_steps(context, findings, verdict)))


def _steps(context: Context, findings: Findings, verdict: ChainVerification) -> Iterator[Step]:
    plan = context.plan
    why = f"arc={verdict.status}: {verdict.explanation}"
    yield Step(Topic.ARC, "arc.verify", verdict.passed, why)
    if verdict.passed and not plan.addresses.trusted_sealers.empty:
        stranger = findings.untrusted_sealer
        who = "every sealer is" if stranger is None else f"{stranger} is not"
        path = ("arc", "trusted_sealers")
        yield plan.step(Topic.ARC, path, f"{who} in trusted_sealers", matched=stranger is None)
    refusal = refusal_of(verdict)
    if refusal is not None and _sealing(context) is not None:
        yield plan.step(Topic.ARC, ("arc", "seal"), f"not sealed: {refusal.sentence}")


# -- sealing -----------------------------------------------------------------------------


def begin(context: Context, hasher: BodyHasher, /) -> FlowSeal | None:
    """Start on mail for the recipients that are sealed for, over what others put on top.

    Raises KeyMaterialError.
    """
    intent = _sealing(context)
    if intent is None:
        return None
    if is_withheld(intent.key):
        raise KeyMaterialError("arc.seal", "DNS does not show the record of its key yet")
    register_body(hasher, intent)
    return _ArcSeal(context, intent, hasher)


def _sealing(context: Context) -> Intent | None:
    """How a message is sealed, by a listener that may sign what it verifies; None if not."""
    if not context.is_judged or context.transaction.role != "both":
        return None
    table = context.plan.addresses.sealed_recipients
    if not table.empty and not any(listed(table, context.transaction.recipients)):
        return None
    return context.plan.sealing


@dataclass(frozen=True, slots=True)
class _ArcSeal:
    context: Context
    intent: Intent
    hasher: BodyHasher

    def seal(self, closing: Closing, /) -> Sealing:
        verdict = closing.findings.arc
        if verdict is None or closing.results is None or refusal_of(verdict) is not None:
            return Sealed()
        sealer = Sealer(
            closing.header,
            self.intent,
            verdict,
            closing.results,
            now=self.context.now,
            accept_malformed=True,
            hasher=self.hasher,
        )
        return Sealed((yield from sealer.sealing()))
