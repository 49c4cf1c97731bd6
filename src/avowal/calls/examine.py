"""Examine a message whose header is read: drive its examination, the body passing once."""

from __future__ import annotations

from collections.abc import Iterable

from avowal.agenda import Agenda, Rank, shares_of
from avowal.canonical import Octets
from avowal.dkim.hashing import BodyHasher
from avowal.dns.drivers import adrive, drive
from avowal.examine.examination import Examination
from avowal.examine.findings import Findings, Receiver, Want
from avowal.lookup import AsyncResolver, Resolver
from avowal.message import Header
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.spf import SpfRequest


def examine(
    header: Header,
    body: Iterable[Octets],
    receiver: Receiver,
    want: Want,
    resolver: Resolver,
    *,
    now: int | None,
    envelope: SpfRequest | EnvelopeResult | None = None,
    hasher: BodyHasher | None = None,
) -> Findings:
    """Return what is found of a message; arguments as of `Examination`, `hasher` as its `body`.

    DNS is waited for `Limits.dns_seconds` at most.  Raises nothing but what `body` raises.
    """
    agenda = Agenda(shares_of(receiver.limits))
    examination = Examination(
        header, receiver, want, now=now, agenda=agenda, envelope=envelope, body=hasher
    )
    left = drive(agenda, resolver, seconds=receiver.limits.dns_seconds)
    _feed(examination, body)
    slot = agenda.add(examination.finish(), Rank.POLICY)
    drive(agenda, resolver, seconds=left)
    return slot.value


async def aexamine(
    header: Header,
    body: Iterable[Octets],
    receiver: Receiver,
    want: Want,
    resolver: AsyncResolver,
    *,
    now: int | None,
    envelope: SpfRequest | EnvelopeResult | None = None,
    hasher: BodyHasher | None = None,
) -> Findings:
    """Do what `examine` does, waiting for DNS without blocking."""
    agenda = Agenda(shares_of(receiver.limits))
    examination = Examination(
        header, receiver, want, now=now, agenda=agenda, envelope=envelope, body=hasher
    )
    left = await adrive(agenda, resolver, seconds=receiver.limits.dns_seconds)
    _feed(examination, body)
    slot = agenda.add(examination.finish(), Rank.POLICY)
    await adrive(agenda, resolver, seconds=left)
    return slot.value


def _feed(examination: Examination, body: Iterable[Octets]) -> None:
    if examination.wants_body:
        for chunk in body:
            if not examination.feed(chunk):
                break
