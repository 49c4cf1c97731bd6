"""The daemon keeps an event per verdict, beside the mail's way."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from tests.inspecting import inspected

import avowal
from avowal.app import plan, recorders
from avowal.config.model import Configuration
from avowal.config.places import NOWHERE, Places
from avowal.config.toml import parse
from avowal.errors import ConfigError
from avowal.flow.decide import decide
from avowal.flow.transaction import Transaction
from avowal.flow.verdict_event import event_of_outcome
from avowal.message import Message
from avowal.milter.flow_filter import FlowFilter
from avowal.milter.meters import Meters
from avowal.milter.prerequisites import examine
from avowal.report.event import Event
from avowal.stores.sqlite_events import SqliteEvents
from avowal.testing import ED25519, Zone, message, record_for, tamper

NOW = 1_800_000_000
ZONE = Zone(
    {
        "e._domainkey.example.com": record_for(ED25519),
        "_dmarc.example.com": "v=DMARC1; p=reject; rua=mailto:d@example.com",
    }
)


def configuration(path: Path | str, rest: str = "") -> Configuration:
    text = f'policies.generations = ["2026"]\n{rest}\n'
    text += f'[events]\nstore = "{path}"\n[actions]\ndisposition_reject = "reject"\n'
    return parse(text.encode(), file="avowal.toml").configuration


def event(
    octets: bytes, wanted: Configuration, places: Places = NOWHERE, **transaction: Any
) -> Event:
    known = {"client": ip_address("192.0.2.1"), "hostname": "MX.example", "queue_id": "4X"}
    read = Message.parse(octets)
    around = Transaction(received_at=NOW, sender=b"", **{**known, **transaction})
    outcome = inspected(plan(wanted, places), around, read.header, [read.body], ZONE, now=NOW)
    return event_of_outcome(outcome, decide(outcome))


def signed() -> bytes:
    text = message(**{"from": "joe@example.com"})
    return avowal.sign(text, domain="example.com", selector="e", key=ED25519, now=NOW) + text


async def test_counts_of_events_are_counts_of_verdicts(serve: Any, tmp_path: Path) -> None:
    wanted = configuration(f"sqlite:{tmp_path}/e.db", "origin.internal_hosts = []")
    making = recorders(wanted)
    assert making is not None
    recorder = making(Meters())
    filter_ = FlowFilter(plan(wanted), recorder=recorder, now=lambda: NOW)
    verdicts: Counter[str] = Counter()
    async with serve(filter_, ZONE) as daemon:
        for number in range(6):
            outcome = await daemon.send(tamper(signed()) if number % 3 else signed())
            verdicts[str(outcome.answer)] += 1
    recorder.settle(5)
    store = SqliteEvents(f"{tmp_path}/e.db")
    counts = Counter[str | None]()
    for key, number in store.counts(NOW // 86400):
        counts[key.action] += number
    assert sorted(counts.values()) == sorted(verdicts.values())
    assert counts["accept"] == 2


def test_an_event_tells_what_was_done(tmp_path: Path) -> None:
    made = event(tamper(signed()), configuration(tmp_path / "e.db"))
    assert (made.key.action, made.key.disposition) == ("reject", "reject")
    assert (made.host, made.queue_id, made.time) == ("mx.example", "4X", NOW)


def test_an_event_names_the_rules_that_decided_and_no_person() -> None:
    text = 'origin.internal_hosts = []\n[actions]\ndisposition_reject = "reject"\n'
    read = parse(f'policies.generations = ["2026"]\n{text}'.encode(), file="avowal.toml")
    made = event(tamper(signed()), read.configuration, read.places)
    told = {rule.topic: f"{rule.option}, {rule.place}" for rule in made.rules}
    assert told["ours"] == "origin.internal_hosts, avowal.toml line 2"
    assert told["action"] == "actions.disposition_reject, avowal.toml line 4"
    assert "joe" not in str(made.rules)


def test_a_dry_run_accepts(tmp_path: Path) -> None:
    made = event(tamper(signed()), configuration(tmp_path / "e.db", "dry_run = true"))
    assert (made.key.action, made.key.disposition) == ("accept", "none")


def test_mail_of_ours_is_told_by_who_signed(tmp_path: Path) -> None:
    pem = ED25519.pem().decode()
    keys = f"[keys.main]\ndomain = \"example.com\"\nselector = \"e\"\ninline = '''{pem}'''"
    made = event(signed(), configuration(tmp_path / "e.db", keys), client=None)
    assert made.key.signed == (("example.com", "e"),)
    assert made.key.policy is None


def test_without_a_store_there_is_no_event() -> None:
    assert recorders(Configuration()) is None


def test_a_store_that_names_no_file_is_a_mistake_of_the_configuration() -> None:
    wanted = parse(b'events.store = "sqlite:"', file="avowal.toml")
    with pytest.raises(ConfigError, match=r"events\.store"):
        examine(wanted.configuration, wanted.places)
