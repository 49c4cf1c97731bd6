"""One message of the daemon, from its header to what is known about it.

::

    agenda = Agenda(shares_of(plan.receiver.limits))
    inspection = Inspection(plan, transaction, header, now=now, agenda=agenda)
    await adrive(agenda, resolver, seconds=20)          # while the body comes
    for chunk in body:
        if not inspection.feed(chunk): break            # the rest does not matter (milter SKIP)
    slot = agenda.add(inspection.finish(), Rank.POLICY)
    await adrive(agenda, resolver, seconds=20)
    outcome = inspection.sealed(slot.value)             # or: await inspection.asealed(...)
    actions = decide(outcome)

What a message is, is found by `avowal.examine`; here stands what is asked besides for this
site, what the findings mean here, and what is put on top.  Nothing here raises for any
message and any answers, but StateError for a call at the wrong time.  A key that fails is a
`fault` of the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from avowal.agenda import Agenda, Rank, Slot
from avowal.canonical import Octets
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.lines import BodyLines
from avowal.dkim.unsigned import adrive_keys, drive_keys
from avowal.errors import AvowalError, IntentError, StateError
from avowal.examine.examination import Examination
from avowal.examine.findings import Findings, Want
from avowal.flow import arc, failures, feedback, policies, posts, signatures, signing
from avowal.flow.classes import ResultClass
from avowal.flow.context import Conclusion, Context
from avowal.flow.edits import edits, without
from avowal.flow.outcome import Fault, FlowOutcome, Requested
from avowal.flow.plan import Plan
from avowal.flow.results import mark, reported, results_field
from avowal.flow.seals import Closing, FlowSeal, Sealed, Sealing
from avowal.flow.signatures import SiteVerdict
from avowal.flow.transaction import Transaction
from avowal.flow.treatment import Treatment, treat
from avowal.lookup import Steps
from avowal.message import Header
from avowal.policy.wishes import Wish
from avowal.report.dkim_failure import KeptBodies
from avowal.report.dkim_feedback import Records, records


class FlowSealer(NamedTuple):
    """What adds fields: the messages it has to do with, and how it starts on one."""

    concerns: Callable[[Context], bool]
    begin: Callable[[Context, BodyHasher], FlowSeal | None]


SEALERS: tuple[FlowSealer, ...] = (
    FlowSealer(lambda context: context.treatment.sign, signing.begin),
    FlowSealer(lambda context: context.plan.sealing is not None, arc.begin),
)
"""Each starts before the body, the last one's fields stand on top."""


class Inspection:
    """One message; its questions are on the agenda as soon as it is made."""

    __slots__ = (
        "_bodies", "_body_lines", "_body_octets", "_context", "_edits", "_examination", "_faults",
        "_feedback", "_finished", "_kept", "_seals", "_wishes",
    )  # fmt: skip

    def __init__(
        self,
        plan: Plan,
        transaction: Transaction,
        header: Header,
        *,
        now: int,
        agenda: Agenda,
        room: failures.Room | None = None,
    ) -> None:
        treatment = treat(plan, transaction, header)
        self._edits = edits(plan, transaction, treatment, header)
        self._faults: list[Fault] = []
        self._body_octets = 0
        self._body_lines = BodyLines() if treatment.sign else None
        self._finished = False
        self._context = context = Context(
            plan=plan,
            transaction=transaction,
            treatment=treatment,
            header=header,
            outgoing=self._edits.header,
            now=now,
            is_judged=treatment.verify and not treatment.ours and transaction.client is not None,
        )
        self._examination = Examination(
            header,
            plan.receiver,
            _wanted(context),
            now=now,
            agenda=agenda,
            envelope=policies.envelope_of(context),
            authors=treatment.authorship.written,
        )
        self._wishes: Slot[tuple[Wish, ...]] | None = None
        if treatment.post and (wishes := posts.wishes(context)) is not None:
            self._wishes = agenda.add(wishes, Rank.REST)
        self._bodies: KeptBodies | None = None
        if treatment.verify and plan.configuration.reports.send:
            self._bodies = feedback.kept_bodies(context)
        self._kept = None if room is None else failures.kept_body(context, room)
        self._feedback: Slot[Records] | None = None
        if self._bodies is not None:
            self._feedback = agenda.add(records(self._bodies.domains), Rank.REST)
        self._seals = self._begun_seals()

    def _begun_seals(self) -> list[FlowSeal]:
        begun = []
        for sealer in SEALERS:
            if not sealer.concerns(self._context):
                continue
            try:
                seal = sealer.begin(self._context, self._examination.body)
            except AvowalError as error:
                self._faults.append(_fault(error))
            else:
                if seal is not None:
                    begun.append(seal)
        return begun

    @property
    def treatment(self) -> Treatment:
        """What is done with the message, known as soon as its header is."""
        return self._context.treatment

    @property
    def wants_body(self) -> bool:
        """Whether the body matters to anyone."""
        kept = self._kept is not None and self._kept.whole
        return kept or self._examination.wants_body or self._bodies is not None

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        if self._finished:
            raise StateError("the inspection is finished: make a new one for the next message")
        self._body_octets += len(chunk)
        if self._body_lines is not None:
            self._body_lines.feed(chunk)
        wanted = self._examination.feed(chunk)
        if self._bodies is not None:
            self._bodies.feed(chunk)
            wanted = self._bodies.wants_body or wanted
        if self._kept is not None:
            self._kept.feed(chunk)
            wanted = self._kept.whole or wanted
        return wanted

    def finish(self) -> Steps[FlowOutcome]:
        """End the body and conclude, when the agenda is idle or closed; nothing is signed yet."""
        self._finished = True
        context, kept = self._context, self._kept
        findings = yield from self._examination.finish()
        judgements = signatures.judged(context, findings.signatures)
        asked = None
        if self._bodies is not None and self._feedback is not None:
            asked = feedback.requested(context, findings, self._bodies, self._feedback.value)
        conclusions = self._conclusions(findings, judgements, asked)
        results = reported(context, conclusions)
        again = record = None
        if context.treatment.resign:
            if gone := signatures.replaced(context, judgements):
                self._edits = without(self._edits, context.header, gone)
            record = results_field(context.plan, results, context.header)
            again = signatures.withheld(context.plan, context.treatment, judgements)
        long = self._body_lines is not None and self._body_lines.too_long
        spends = context.plan.configuration.verifying.remove_signatures and not self._seals
        return FlowOutcome(
            context=context,
            edits=self._edits,
            findings=findings,
            judgements=judgements,
            conclusions=conclusions,
            results=results,
            requested=asked,
            recorded=record,
            mark=mark(context, findings) if self._is_marked else None,
            withheld=again,
            failed=None if kept is None else failures.failed(context, findings, kept),
            body_octets=self._body_octets,
            long_body=long,
            not_signed=tuple(signing.left(context, long, again)) if long or again else (),
            spent_signatures=tuple(signatures.spent(context, judgements)) if spends else (),
        )

    def _conclusions(
        self, findings: Findings, judgements: tuple[SiteVerdict, ...], asked: Requested | None
    ) -> tuple[Conclusion, ...]:
        """Return what follows from each side of the findings, in the order of the results."""
        context, assessor = self._context, self._context.plan.assessor
        found = []
        if context.treatment.verify:
            found.append(signatures.conclusion(context, judgements))
        if findings.arc is not None:
            found.append(arc.conclusion(context, findings, findings.arc))
        if policies.is_checked(context):
            found.append(policies.of_envelope(findings))
        if findings.policies is not None:
            found.append(policies.of_authors(findings.policies))
        if context.treatment.post:
            wishes = None if self._wishes is None else self._wishes.value
            found.append(posts.conclusion(context, findings, judgements, wishes))
        if asked is not None:
            found.append(Conclusion(steps=feedback.steps(context.plan, asked)))
        if assessor is not None and context.is_judged:
            found.append(policies.of_assessor(context, assessor, findings))
        return tuple(found)

    @property
    def _is_marked(self) -> bool:
        return self._context.plan.configuration.results.mark is not None

    # -- what is put on top ------------------------------------------------------------

    def sealed(self, outcome: FlowOutcome) -> FlowOutcome:
        """Sign with keys that are at hand."""
        made = drive_keys(self._sealing(outcome)) if self._seals else Sealed()
        return self._with(outcome, made)

    async def asealed(self, outcome: FlowOutcome) -> FlowOutcome:
        """Sign with keys of which some answer asynchronously."""
        return self._with(outcome, await adrive_keys(self._sealing(outcome)))

    def _with(self, outcome: FlowOutcome, made: Sealed) -> FlowOutcome:
        faults = tuple(self._faults)
        if not (made.fields or faults):
            return outcome
        return replace(outcome, sealed=made.fields, signed=made.signed, faults=faults)

    def _sealing(self, outcome: FlowOutcome) -> Sealing:
        """Let every sealer make its fields, each over those of the sealers before it."""
        made = Sealed()
        for seal in self._seals:
            header = outcome.edits.header
            closing = Closing(
                findings=outcome.findings,
                results=outcome.results,
                recorded=outcome.recorded,
                header=Header.of([*made.fields, *header]) if made.fields else header,
                withheld=outcome.not_signed[0][1] if outcome.not_signed else None,
            )
            try:
                above = yield from seal.seal(closing)
            except AvowalError as error:
                self._faults.append(_fault(error))
            else:
                made = Sealed(above.fields + made.fields, above.signed + made.signed)
        return made


def _wanted(context: Context) -> Want:
    """Return the mechanisms that this message is examined by."""
    want = Want(0)
    if context.treatment.verify:
        want |= Want.DKIM
        if context.plan.receiver.rules.read_domainkeys:
            want |= Want.DOMAINKEYS
    if context.is_judged:
        want |= Want.POLICIES
        if context.plan.verifies_arc:
            want |= Want.ARC
    return want


def _fault(error: AvowalError) -> Fault:
    malformed = isinstance(error, IntentError)
    return Fault(ResultClass.MALFORMED if malformed else ResultClass.INTERNAL_ERROR, str(error))
