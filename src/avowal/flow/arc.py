"""Chains of custody (RFC 8617: Experimental, on its way to Historic) in the inspection.

The chain of incoming mail is validated; mail that passes on may get a set of its own, made
last; and where the operator trusts all sealers of a valid chain, a failing DMARC policy is
not applied (§7.2.1).  All of it is off unless the table `arc` turns it on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from avowal.arc.sealer import Sealer, refusal_of, register_body
from avowal.arc.verdict import ChainVerification, report_comment, result_of
from avowal.arc.verifier import ArcKeys, ArcVerifier
from avowal.authres import AuthenticationResults
from avowal.canonical import Octets
from avowal.dkim.intent import Intent
from avowal.errors import KeyMaterialError
from avowal.flow.authorship import address_of
from avowal.flow.mechanism import Closing, Context, Finding, Findings, Seal, Sealed, Sealing, Work
from avowal.flow.plan import Plan
from avowal.flow.trace import Step, Topic
from avowal.keys.watch import is_withheld
from avowal.lookup import Steps
from avowal.names import DomainName
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation, Override
from avowal.policy.result import Result as Word


def _wants_verdict(plan: Plan) -> bool:
    arc = plan.configuration.arc
    return arc.verify or plan.sealing is not None or bool(arc.trusted_sealers)


@dataclass(frozen=True, slots=True)
class ArcVerifying:
    """The mechanism `arc`; the value of its finding is a `ChainVerification`."""

    name: str = "arc"

    def begin(self, context: Context, /) -> Work | None:
        """Start where a verdict on the chain is of use."""
        if not _wants_verdict(context.plan) or not context.is_judged:
            return None
        return _ArcWork(context)


class _ArcWork:
    __slots__ = ("_context", "_verifier", "wants_body")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._verifier = ArcVerifier(
            context.header,
            now=context.now,
            rules=context.plan.verification_rules,
            limits=context.plan.limits,
            hasher=context.hasher,
        )
        self.wants_body = False  # the shared hasher is fed

    def questions(self) -> Steps[Any]:
        return self._verifier.keys()

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        keys = answers if isinstance(answers, ArcKeys) else ArcKeys({}, {})
        verdict = self._verifier.finish(keys)
        client = self._context.transaction.client
        result = result_of(verdict, None if client is None else str(client))
        return Finding(
            value=verdict, results=(result,), steps=tuple(_steps(self._context, verdict))
        )


def _steps(context: Context, verdict: ChainVerification) -> Iterator[Step]:
    plan = context.plan
    why = f"arc={verdict.status}: {verdict.explanation}"
    yield Step(Topic.ARC, "arc.verify", verdict.passed, why)
    if verdict.passed and len(plan.addresses.trusted_sealers):
        stranger = _untrusted(plan, verdict)
        who = "every sealer is" if stranger is None else f"{stranger} is not"
        path = ("arc", "trusted_sealers")
        yield plan.step(Topic.ARC, path, f"{who} in trusted_sealers", matched=stranger is None)
    refusal = refusal_of(verdict)
    if refusal is not None and _sealing(context) is not None:
        yield plan.step(Topic.ARC, ("arc", "seal"), f"not sealed: {refusal.sentence}")


# -- what a trusted chain changes --------------------------------------------------------


def local_policy(
    plan: Plan, verdict: ChainVerification | None, evaluation: Evaluation
) -> Evaluation | None:
    """Return the evaluation as a trusted chain changes it; None where it changes nothing.

    RFC 8617 §7.2.1, §9.4: every sealer has to be trusted, and one of them must have seen
    each author pass DMARC whose policy fails now.
    """
    if verdict is None or not verdict.passed or not len(plan.addresses.trusted_sealers):
        return None
    if evaluation.result is not Word.FAIL or evaluation.disposition is Policy.NONE:
        return None
    if _untrusted(plan, verdict) is not None:
        return None
    seen = [arc_set.results.results for arc_set in verdict.chain.sets]
    failing = [one.domain for one in evaluation.evaluations if one.result is Word.FAIL]
    if not all(any(_passed(results, author) for results in seen) for author in failing):
        return None
    return evaluation.overridden(
        Override("local_policy", report_comment(verdict), disposition=Policy.NONE)
    )


def _untrusted(plan: Plan, verdict: ChainVerification) -> DomainName | None:
    """Return a sealer that the operator does not trust, None when there is none."""
    trusted = plan.addresses.trusted_sealers
    sealers = (arc_set.seal.domain for arc_set in verdict.chain.sets)
    return next((sealer for sealer in sealers if not trusted.find(b"", sealer)), None)


def _passed(results: AuthenticationResults | None, author: DomainName) -> bool:
    """Whether an earlier hop saw this author pass DMARC."""
    if results is None:
        return False
    names = (author.ascii, author.text)
    return any(
        result.result == "pass" and (result.value("header.from") or "").lower() in names
        for result in results.named("dmarc")
    )


# -- sealing -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArcSealing:
    """The sealer of mail that passes on; it works last, over what others put on top."""

    name: str = "arc-seal"

    def begin(self, context: Context, /) -> Seal | None:
        """Start on mail for the recipients that are sealed for.  Raises KeyMaterialError."""
        intent = _sealing(context)
        if intent is None:
            return None
        if is_withheld(intent.key):
            raise KeyMaterialError("arc.seal", "DNS does not show the record of its key yet")
        register_body(context.hasher, intent)
        return _ArcSeal(context, intent)


def _sealing(context: Context) -> Intent | None:
    """How a message is sealed, by a listener that may sign what it verifies; None if not."""
    if not context.is_judged or context.transaction.role != "both":
        return None
    table = context.plan.addresses.sealed_recipients
    addresses = map(address_of, context.transaction.recipients)
    if len(table) and not any(a is not None and table.find(*a) for a in addresses):
        return None
    return context.plan.sealing


@dataclass(frozen=True, slots=True)
class _ArcSeal:
    context: Context
    intent: Intent
    wants_body: bool = False  # the shared hasher is fed

    def feed(self, chunk: Octets, /) -> bool:
        return False

    def seal(self, closing: Closing, /) -> Sealing:
        verdict: ChainVerification = closing.findings["arc"].value
        if closing.results is None or refusal_of(verdict) is not None:
            return Sealed()
        sealer = Sealer(
            closing.header,
            self.intent,
            verdict,
            closing.results,
            now=self.context.now,
            accept_malformed=True,
            hasher=self.context.hasher,
        )
        return Sealed((yield from sealer.sealing()))
