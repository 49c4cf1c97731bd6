"""One message through the flow, as a worker of the daemon drives it."""

from __future__ import annotations

from collections.abc import Iterable

from avowal.agenda import Agenda, Rank, shares_of
from avowal.dns.drivers import drive
from avowal.flow.failures import Room
from avowal.flow.inspection import Inspection
from avowal.flow.outcome import FlowOutcome
from avowal.flow.plan import Plan
from avowal.flow.transaction import Transaction
from avowal.lookup import Failure, Resolver
from avowal.message import Header


def inspected(
    plan: Plan,
    transaction: Transaction,
    header: Header,
    body: Iterable[bytes],
    resolver: Resolver | None,
    *,
    now: int,
    room: Room | None = None,
) -> FlowOutcome:
    """Inspect a message and sign with keys at hand; without a resolver DNS stays silent."""
    agenda = Agenda(shares_of(plan.receiver.limits))
    inspection = Inspection(plan, transaction, header, now=now, agenda=agenda, room=room)
    answered(agenda, resolver)
    for chunk in body:
        inspection.feed(chunk)
    slot = agenda.add(inspection.finish(), Rank.POLICY)
    answered(agenda, resolver)
    return inspection.sealed(slot.value)


def answered(agenda: Agenda, resolver: Resolver | None) -> None:
    """Answer what is wanted; without a resolver nothing is."""
    if resolver is None:
        agenda.close(Failure.DEADLINE)
    else:
        drive(agenda, resolver, seconds=20)
