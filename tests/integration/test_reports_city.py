"""A city on loopback: Postfix and our milter receive, reports go by Postfix to the owners.

What the owners read counts exactly what the receiver decided.
"""

from __future__ import annotations

import contextlib
import email
import gzip
import os
import shutil
import smtplib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.dnsd import NameServer
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, until, workplace

import avowal
from avowal.cli.reporting import Reporting
from avowal.dates import DAY
from avowal.keys.files import write_key
from avowal.keys.records import zone_line
from avowal.names import DomainName
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_mail import AggregateLetter
from avowal.report.aggregate_reader import read_aggregate
from avowal.stores.report_tables import ReportTables
from avowal.stores.sqlite_events import SqliteEvents
from avowal.testing import ED25519, message, record_for, tamper

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
CONFIGURATION = """
[[listeners]]
socket = "inet:{milter}@127.0.0.1"
role = "verify"
[origin]
internal_hosts = []
[keys.reports]
domain = "receiver.example"
selector = "s"
file = "{root}/key.pem"
[results]
authserv_id = "mx.receiver.example"
[actions]
disposition_reject = "reject"
[events]
store = "sqlite:{root}/events/events.db"
[aggregate]
sender = "dmarc@receiver.example"
key = "reports"
relay = "127.0.0.1:{owner}"
per_minute = 60000
[dns]
servers = ["127.0.0.1@{dns}"]
timeout = 3
[server]
workers = 2
user = "nobody"
group = "nogroup"
"""
_DMARC = {
    "strict.example": "v=DMARC1; p=reject; rua=mailto:d@strict.example",
    "mild.example": "v=DMARC1; p=none; rua=mailto:a@mild.example,mailto:r@reports.example",
    "receiver.example": "v=DMARC1; p=reject",
    "silent.example": "v=DMARC1; p=none",
}


class City(NamedTuple):
    """Everything that runs."""

    receiver: Postfix
    inbox: Inbox
    configuration: Path
    store: Path


@pytest.fixture
def city() -> Iterator[City]:
    lines = [f'_dmarc.{domain}. 60 IN TXT "{text}"' for domain, text in _DMARC.items()]
    lines.append('mild.example._report._dmarc.reports.example. 60 IN TXT "v=DMARC1"')
    selector = DomainName.parse(b"s")
    for domain in _DMARC:
        name = DomainName.parse(domain.encode())
        lines.append(zone_line(selector, name, record_for(ED25519)))
    with workplace() as root, NameServer("\n".join(lines) + "\n") as dns:
        write_key(root / "key.pem", ED25519)
        (root / "events").mkdir()
        shutil.chown(root / "events", "nobody", "nogroup")
        milter, inbox = free_port(), Inbox(root)
        owner = Postfix(root, "owner", milter="")
        receiver = Postfix(root, "mx", milter=f"inet:127.0.0.1:{milter}")
        text = CONFIGURATION.format(root=root, milter=milter, owner=owner.port, dns=dns.port)
        with Daemon(root, text) as daemon, owner, receiver:
            yield City(receiver, inbox, daemon.file, root / "events" / "events.db")


def mail(domain: str, kind: str) -> bytes:
    text = message(**{"from": f"joe@{domain}"})
    if kind == "unsigned":
        return text
    signed = avowal.sign(text, domain=domain, selector="s", key=ED25519) + text
    return tamper(signed) if kind == "broken" else signed


def reports_in(inbox: Inbox) -> list[tuple[str, AggregateReport]]:
    """The reports that arrived: to whom, and what they say."""
    found = []
    for octets in inbox.messages():
        parsed = email.message_from_bytes(octets)
        if not str(parsed["subject"]).startswith("Report Domain:"):
            continue
        parts: Any = parsed.get_payload()
        packed = parts[1].get_payload(decode=True)
        found.append((str(parsed["to"]), read_aggregate(gzip.decompress(packed)).report))
    return found


def test_counts_in_reports_are_counts_of_verdicts(city: City) -> None:
    sent = Counter({
        ("strict.example", "good"): 3, ("strict.example", "broken"): 2,
        ("strict.example", "unsigned"): 1, ("mild.example", "good"): 2,
        ("mild.example", "broken"): 4, ("silent.example", "good"): 1,
    })  # fmt: skip
    refused: Counter[str] = Counter()
    for (domain, kind), number in sent.items():
        for _ in range(number):
            with contextlib.suppress(smtplib.SMTPDataError):
                submit(city.receiver.port, mail(domain, kind), sender=f"joe@{domain}")
                refused[domain] -= 1
            refused[domain] += 1
    assert refused == {"strict.example": 3, "mild.example": 0, "silent.example": 0}

    until(city.store.exists, what="the store")
    store, ledger = SqliteEvents(str(city.store)), SqliteEvents(str(city.store))
    until(lambda: sum(n for _, n in store.days()) == sent.total(), what="every event")
    reporting, today = Reporting.read(str(city.configuration)), int(time.time()) // DAY
    for _ in range(2):  # the second time nothing leaves
        sender = reporting.sender(ReportTables(ledger), print)
        reports = reporting.reports(store, today, None, print)
        sender.send(today, (AggregateLetter(one, reporting.reporter) for one in reports))
        sender.ledger.resign(sender.holder)
    until(lambda: len(reports_in(city.inbox)) >= 3, what="the reports")
    store.close()
    ledger.close()

    found = reports_in(city.inbox)
    assert sorted(to for to, _ in found) == [
        "a@mild.example", "d@strict.example", "r@reports.example",
    ]  # fmt: skip
    for to, report in found:
        domain = report.policy.domain
        told: Counter[str] = Counter()
        for record in report.records:
            told[str(record.dkim), str(record.disposition)] += record.count  # type: ignore[index]
        good = sent[domain, "good"]
        bad = sent[domain, "broken"] + sent[domain, "unsigned"]
        enforced = domain == "strict.example"
        assert told == {
            ("pass", "pass" if enforced else "none"): good,
            ("fail", "reject" if enforced else "none"): bad,
        }, to
