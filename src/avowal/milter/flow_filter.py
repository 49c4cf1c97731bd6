"""avowal's own filter: each message goes through `avowal.flow`, by one plan."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import random
from typing import TYPE_CHECKING

from avowal.agenda import Agenda, shares_of
from avowal.config.model import Role
from avowal.crypto.signing import AsyncSigningKey
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.decide import decide, failure
from avowal.flow.failures import FailedMessage
from avowal.flow.inspection import Inspection
from avowal.flow.outcome import FlowOutcome
from avowal.flow.plan import Plan
from avowal.flow.transaction import Transaction
from avowal.flow.verdict_event import event_of_outcome
from avowal.lookup import Steps
from avowal.milter import transaction as transaction_of
from avowal.milter.durations import Durations
from avowal.milter.events import HeaderEnd
from avowal.milter.journal import Journal
from avowal.milter.meters import Meters
from avowal.milter.outbox import Outbox
from avowal.milter.packets import Answer, PlainAnswer
from avowal.milter.service import MilterVerdict
from avowal.milter.session import FilterSession
from avowal.report.recorder import Recorder

if TYPE_CHECKING:
    from avowal.milter.explaining import Explaining


def _unix_time() -> int:
    return int(time.time())


class FlowFilter:
    """Signs and verifies by a plan; writes one log line for each message.

    What a message leaves behind it, reports and notes, goes to the `outbox`, its event to the
    `recorder`.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        journal: Journal | None = None,
        meters: Meters | None = None,
        outbox: Outbox | None = None,
        recorder: Recorder | None = None,
        explaining: Explaining | None = None,
        now: Callable[[], int] = _unix_time,
    ) -> None:
        self.plan = plan
        self.wish = transaction_of.wish(plan.configuration)
        self.journal = journal or Journal(plan.configuration.log)
        self.meters = meters or Meters()
        self.outbox = outbox
        self.recorder = recorder
        self.explaining = explaining
        self._now = now
        self._macros = tuple(
            name.strip("{}") for name in transaction_of.named_macros(plan.configuration)
        )
        self.remote = any(isinstance(use.loaded, AsyncSigningKey) for use in plan.keys.values())

    def connected(self, session: FilterSession, /) -> Answer | None:
        """Let every connection go on."""
        return None

    def begin(self, session: FilterSession, event: HeaderEnd, role: Role, /) -> FlowJob:
        """Take a message whose header has come."""
        now = self._now()
        transaction = self._transaction(session, role, now)
        agenda = Agenda(shares_of(self.plan.receiver.limits))
        room = None if self.explaining is None else self.explaining.room
        inspection = Inspection(
            self.plan, transaction, event.header, now=now, agenda=agenda, room=room
        )
        return FlowJob(self, session, agenda, inspection)

    def failure(self, session: FilterSession, role: Role, why: str, /) -> MilterVerdict:
        """Say what `actions.internal_error` says."""
        transaction = self._transaction(session, role, self._now())
        return self.verdict(failure(self.plan, transaction, why), session)

    def _transaction(self, session: FilterSession, role: Role, now: int) -> Transaction:
        return transaction_of.transaction(
            session,
            received_at=now,
            role=role,
            wanted_macros=self._macros,
            draw=int(random() * 100),  # noqa: S311 - no secret: a share of messages
        )

    def concluded(self, outcome: FlowOutcome, session: FilterSession) -> MilterVerdict:
        """Decide, and say the actions in milter packets."""
        actions, failed = decide(outcome), outcome.failed
        after: tuple[Callable[[], None], ...] = ()
        if self.recorder is not None:
            event = event_of_outcome(outcome, actions)
            after = (partial(self.recorder.take, event),)
        if failed is None or self.explaining is None:
            return self.verdict(actions, session, after)
        queue_id = actions.record.queue_id
        if self._tells(actions):
            told = partial(self._told, self.explaining, failed, actions, session, after)
            return MilterVerdict(PlainAnswer.TEMPFAIL, before=told)
        after = (*after, partial(self.explaining.take, failed, queue_id))
        return self.verdict(actions, session, after)

    def verdict(
        self,
        actions: Actions,
        session: FilterSession,
        after: tuple[Callable[[], None], ...] = (),
    ) -> MilterVerdict:
        """Say actions in milter packets; `after` is called once the answer is given.

        Raises UsageError for a field no MTA would take.
        """

        def answered(times: Durations) -> None:
            self.journal.message(actions, times)
            self.meters.message(actions, times)
            if self.outbox is not None and actions.leaves_behind:
                self.outbox.take(actions)
            for call in after:
                call()

        return MilterVerdict(
            transaction_of.answer_of(actions),
            transaction_of.modifications_of(actions, session),
            answered,
        )

    def _tells(self, actions: Actions) -> bool:
        """Whether what is found of a failed message is written into it."""
        configuration = self.plan.configuration
        wanted = configuration.explanations.field is not None and not configuration.dry_run
        explains = self.explaining is not None and self.explaining.explains
        return wanted and explains and actions.disposition is FlowDisposition.ACCEPT

    async def _told(
        self,
        explaining: Explaining,
        failed: FailedMessage,
        actions: Actions,
        session: FilterSession,
        after: tuple[Callable[[], None], ...],
    ) -> MilterVerdict:
        """Wait for what is found, so long, and write it into the message."""
        wanted = self.plan.configuration.explanations
        found = await explaining.found(failed, actions.record.queue_id, wanted.wait / 1000)
        if found and wanted.field is not None:
            from avowal.milter.explaining import fields  # noqa: PLC0415 - who explains has it

            told = fields(wanted.field, found)
            actions = replace(actions, insert=(*actions.insert, *told))
        return self.verdict(actions, session, after)


class FlowJob:
    """One message on its way through the flow."""

    __slots__ = ("_filter", "_inspection", "_session", "agenda", "feed")

    def __init__(
        self,
        filter_: FlowFilter,
        session: FilterSession,
        agenda: Agenda,
        inspection: Inspection,
    ) -> None:
        self._filter = filter_
        self._session = session
        self._inspection = inspection
        self.agenda = agenda
        self.feed: Callable[[bytes], bool] = inspection.feed

    @property
    def early(self) -> MilterVerdict | None:
        """Nothing is decided before the body has come."""
        return None

    def finish(self) -> Steps[MilterVerdict]:
        """Conclude, sign, decide."""
        outcome = yield from self._inspection.finish()
        if self._filter.remote:
            # What is answered is known when the keys have signed.
            return MilterVerdict(PlainAnswer.TEMPFAIL, before=lambda: self._asealed(outcome))
        started = time.monotonic()
        return self._decided(self._inspection.sealed(outcome), started)

    async def _asealed(self, outcome: FlowOutcome) -> MilterVerdict:
        """Sign with keys that answer asynchronously."""
        started = time.monotonic()
        verdict = self._decided(await self._inspection.asealed(outcome), started)
        return verdict if verdict.before is None else await verdict.before()

    def _decided(self, outcome: FlowOutcome, started: float) -> MilterVerdict:
        if outcome.sealed or outcome.faults:
            self._filter.meters.signing(time.monotonic() - started)
        return self._filter.concluded(outcome, self._session)
