"""Examine a message whose header is read: drive its examination, the body passing once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from avowal.agenda import Agenda, Rank, shares_of
from avowal.canonical import Octets
from avowal.dkim.hashing import BodyHasher
from avowal.dns.drivers import Call, Wait, acomplete, complete
from avowal.examine.examination import Examination
from avowal.examine.findings import Findings, Receiver, Want
from avowal.lookup import AsyncResolver, Resolver
from avowal.message import Header
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.spf import SpfRequest


class Examined(NamedTuple):
    """What was found of a message, the agenda it came by, and the seconds left for more."""

    findings: Findings
    agenda: Agenda
    seconds: float


def examine(
    header: Header,
    body: Iterable[Octets],
    receiver: Receiver,
    want: Want,
    resolver: Resolver,
    *,
    now: int | None,
    envelope: SpfRequest | EnvelopeResult | None = None,
) -> Findings:
    """Return what is found of a message; arguments as of `Examination`.

    DNS is waited for `Limits.dns_seconds` at most.  Raises nothing but what `body` raises.
    """
    return complete(examining(header, body, receiver, want, now=now, envelope=envelope), resolver)


async def aexamine(
    header: Header,
    body: Iterable[Octets],
    receiver: Receiver,
    want: Want,
    resolver: AsyncResolver,
    *,
    now: int | None,
    envelope: SpfRequest | EnvelopeResult | None = None,
) -> Findings:
    """Do what `examine` does, waiting for DNS without blocking."""
    call = examining(header, body, receiver, want, now=now, envelope=envelope)
    return await acomplete(call, resolver)


def examining(
    header: Header,
    body: Iterable[Octets],
    receiver: Receiver,
    want: Want,
    *,
    now: int | None,
    envelope: SpfRequest | EnvelopeResult | None = None,
    hasher: BodyHasher | None = None,
) -> Call[Findings]:
    """Do what `examine` does as part of a call; `hasher` is the `body` of `Examination`."""
    found = yield from examined(
        header, body, receiver, want, now=now, envelope=envelope, hasher=hasher
    )
    return found.findings


def examined(
    header: Header,
    body: Iterable[Octets],
    receiver: Receiver,
    want: Want,
    *,
    now: int | None,
    envelope: SpfRequest | EnvelopeResult | None = None,
    hasher: BodyHasher | None = None,
) -> Call[Examined]:
    """Do the same for a call that asks more about the message, within its shares and its time."""
    agenda = Agenda(shares_of(receiver.limits))
    examination = Examination(
        header, receiver, want, now=now, agenda=agenda, envelope=envelope, body=hasher
    )
    left = yield Wait(agenda, receiver.limits.dns_seconds)
    if examination.wants_body:
        for chunk in body:
            if not examination.feed(chunk):
                break
    slot = agenda.add(examination.finish(), Rank.POLICY)
    if not slot.done:
        left = yield Wait(agenda, left)
    return Examined(slot.value, agenda, left)
