"""Our receivers, driven over a case by a schedule of answers."""

from __future__ import annotations

import random
from functools import lru_cache
from ipaddress import IPv4Address

from tests.laws.oracle import DELIVERED, HELD, NOT_DELIVERED, VOUCHED
from tests.laws.world import NOW, TRUSTED, US, Case, zone_of

from avowal.agenda import Agenda, Rank, shares_of
from avowal.calls.arguments import read_header
from avowal.config.toml import parse
from avowal.dns.zone import Zone
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.inspection import Inspection
from avowal.flow.plan import Plan
from avowal.flow.transaction import Transaction
from avowal.lookup import Failure
from avowal.testing import ED25519

MOST_FIELDS, MOST_OCTETS = 40, 16 << 10
SITE = f"""
[results]
authserv_id = "{US}"
[actions]
disposition_reject = "reject"
disposition_quarantine = "quarantine"
[arc]
verify = true
trusted_sealers = ["{TRUSTED}"]
[limits]
header_fields = {MOST_FIELDS}
header_octets = {MOST_OCTETS}
"""


@lru_cache(maxsize=1)
def plan() -> Plan:
    """The site: it refuses and holds what authors' domains ask to refuse and hold."""
    loaded = parse(SITE.encode(), file="laws.toml")
    return compile_plan(loaded.configuration, loaded.places, load=lambda *_: ED25519)


def received(case: Case, rng: random.Random | None = None) -> Actions:
    """Put a case through the daemon's flow; `rng` draws the order in which answers come."""
    site = plan()
    header, body = read_header(case.octets, line_ends="wire", limits=site.receiver.limits)
    transaction = Transaction(
        received_at=NOW,
        client=IPv4Address(case.client),
        sender=f"x@{case.sender}".encode(),
        helo=case.sender.encode(),
        recipients=(b"bob@receiver.example",),
        hostname=US,
    )
    agenda = Agenda(shares_of(site.receiver.limits))
    inspection = Inspection(site, transaction, header, now=NOW, agenda=agenda)
    zone = zone_of(case)
    answered(agenda, zone, case.silent, rng)
    for chunk in body:
        inspection.feed(bytes(chunk))
    slot = agenda.add(inspection.finish(), Rank.POLICY)
    answered(agenda, zone, case.silent, rng)
    return decide(inspection.sealed(slot.value))


def answered(agenda: Agenda, zone: Zone, silent: frozenset[str], rng: random.Random | None) -> None:
    """Answer what is wanted in some order; what is `silent` fails when nothing else is left."""
    while not agenda.idle:
        wanted = [question for _, question in agenda.wanted()]
        coming = [question for question in wanted if question.name not in silent]
        if not wanted:
            agenda.close(Failure.DEADLINE)
            return
        if rng is not None:
            rng.shuffle(coming)
        for question in coming:
            agenda.take(question, zone.resolve((question,))[0])


def exposure(actions: Actions) -> int:
    """Return what the outcome exposes the reader to."""
    if actions.disposition is not FlowDisposition.ACCEPT:
        return NOT_DELIVERED
    if actions.quarantine is not None:
        return HELD
    words = dict(actions.record.results)
    return VOUCHED if words.get("dmarc") == "pass" else DELIVERED
