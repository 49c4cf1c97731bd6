"""One message on its way through the mechanisms.

::

    inspection = Inspection(plan, transaction, header, now=now)
    answers = run(inspection.questions(), resolver)     # or await arun(...), while the body comes
    for chunk in body:
        if not inspection.feed(chunk): break            # the rest does not matter (milter SKIP)
    outcome = inspection.finish(answers)                # or: await inspection.afinish(answers)
    actions = decide(outcome)

Nothing here raises for any message and any answers, but StateError for a call at the
wrong time.  A key that fails is a `fault` of the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from avowal.authres import AuthenticationResults
from avowal.canonical import Octets
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.unsigned import Signed, adrive, drive
from avowal.errors import AvowalError, IntentError, StateError
from avowal.flow.classes import ResultClass
from avowal.flow.edits import Edits, edits, own_ids, without
from avowal.flow.mechanism import Closing, Context, Finding, Findings, Seal, Sealed, Sealing, Work
from avowal.flow.plan import Plan
from avowal.flow.resign import replaced, withheld
from avowal.flow.results_field import is_written, results_field
from avowal.flow.transaction import Transaction
from avowal.flow.treatment import Treatment, treat
from avowal.lookup import Steps, together
from avowal.message import Field, Header

Answers: TypeAlias = Mapping[str, Any] | None
"""What each mechanism's questions came to; None when DNS was not waited for."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A signature that could not be made, and the class it counts as."""

    class_: ResultClass
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that is known about a message.

    `sealed` are the fields made, from top to bottom, `signed` the DKIM signatures among
    them; `results` what we report, None where we have no name to report under; `recorded`
    the field with them where a signature covers it.
    """

    plan: Plan
    transaction: Transaction
    header: Header
    treatment: Treatment
    edits: Edits
    findings: Findings
    results: AuthenticationResults | None
    recorded: Field | None = None
    sealed: tuple[Field, ...] = ()
    signed: tuple[Signed, ...] = ()
    faults: tuple[Fault, ...] = ()
    withheld: str | None = None  # why a message to be signed again was not
    body_octets: int = 0


class Inspection:
    """Drives all mechanisms and sealers over one message; the body passes once."""

    __slots__ = (
        "_body_octets", "_context", "_edits", "_faults", "_fed", "_finished", "_hasher",
        "_seals", "_works", "treatment",
    )  # fmt: skip

    def __init__(self, plan: Plan, transaction: Transaction, header: Header, *, now: int) -> None:
        self.treatment = treat(plan, transaction, header)
        """What is done with the message, known as soon as its header is."""
        self._edits = edits(plan, transaction, self.treatment, header)
        self._hasher = BodyHasher()
        self._faults: list[Fault] = []
        self._body_octets = 0
        self._finished = False
        self._works: dict[str, Work] = {}
        self._context = Context(
            plan=plan,
            transaction=transaction,
            treatment=self.treatment,
            header=header,
            outgoing=self._edits.header,
            now=now,
            hasher=self._hasher,
            begun=self._works,
        )
        for mechanism in plan.mechanisms:
            work = mechanism.begin(self._context)
            if work is not None:
                self._works[mechanism.name] = work
        self._seals = self._begun_seals()
        parts: list[Work | Seal] = [*self._works.values(), *self._seals]
        self._fed = [part for part in parts if part.wants_body]

    def _begun_seals(self) -> list[Seal]:
        begun = []
        for sealer in self._context.plan.sealers:
            try:
                seal = sealer.begin(self._context)
            except AvowalError as error:
                self._faults.append(_fault(error))
            else:
                if seal is not None:
                    begun.append(seal)
        return begun

    @property
    def wants_body(self) -> bool:
        """Whether the body matters to anyone."""
        return bool(self._fed) or self._hasher.wanting

    def questions(self) -> Steps[Answers]:
        """Ask DNS for all mechanisms, their rounds together."""
        answers = yield from together(*(work.questions() for work in self._works.values()))
        return dict(zip(self._works, answers, strict=True))

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        if self._finished:
            raise StateError("the inspection is finished: make a new one for the next message")
        self._body_octets += len(chunk)
        wanted = self._hasher.feed(chunk)
        for part in self._fed:
            wanted = part.feed(chunk) or wanted
        return wanted

    def finish(self, answers: Answers) -> Outcome:
        """End the body, conclude, and sign with keys that are at hand."""
        closing = self._concluded(answers)
        return self._outcome(closing, drive(self._sealing(closing)))

    async def afinish(self, answers: Answers) -> Outcome:
        """Do the same with keys of which some answer asynchronously."""
        closing = self._concluded(answers)
        return self._outcome(closing, await adrive(self._sealing(closing)))

    def _sealing(self, closing: Closing) -> Sealing:
        """Let every sealer make its fields, each over those of the sealers before it."""
        made = Sealed()
        for seal in self._seals:
            header = Header.of([*made.fields, *closing.header]) if made.fields else closing.header
            try:
                above = yield from seal.seal(replace(closing, header=header))
            except AvowalError as error:
                self._faults.append(_fault(error))
            else:
                made = Sealed(above.fields + made.fields, above.signed + made.signed)
        return made

    def _concluded(self, answers: Answers) -> Closing:
        if self._finished:
            raise StateError("the inspection is finished: make a new one for the next message")
        self._finished = True
        self._hasher.finish()
        findings: dict[str, Finding] = {}
        for name, work in self._works.items():
            findings[name] = work.finish(None if answers is None else answers.get(name), findings)
        ids = own_ids(self._context.plan, self._context.transaction)
        results = None
        if ids:
            found = tuple(result for finding in findings.values() for result in finding.results)
            results = AuthenticationResults(self._reporting_id(ids[0]), found)
        context = self._context
        gone = replaced(context, findings)
        if gone:
            self._edits = without(self._edits, context.header, gone)
        record = None
        if self.treatment.resign and is_written(context.plan, results):
            record = results_field(results, context.header)
        return Closing(
            findings=findings, results=results, recorded=record, header=self._edits.header
        )

    def _reporting_id(self, authserv_id: str) -> str:
        queue_id = self._context.transaction.queue_id
        if self._context.plan.configuration.results.queue_id and queue_id:
            return f"{authserv_id}/{queue_id}"
        return authserv_id

    def _outcome(self, closing: Closing, sealed: Sealed) -> Outcome:
        context = self._context
        return Outcome(
            plan=context.plan,
            transaction=context.transaction,
            header=context.header,
            treatment=self.treatment,
            edits=self._edits,
            findings=closing.findings,
            results=closing.results,
            recorded=closing.recorded,
            sealed=sealed.fields,
            signed=sealed.signed,
            faults=tuple(self._faults),
            withheld=withheld(context.plan, self.treatment, closing.findings),
            body_octets=self._body_octets,
        )


def _fault(error: AvowalError) -> Fault:
    malformed = isinstance(error, IntentError)
    return Fault(ResultClass.MALFORMED if malformed else ResultClass.INTERNAL_ERROR, str(error))
