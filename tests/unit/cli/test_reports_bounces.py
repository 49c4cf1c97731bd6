"""`avowal reports bounces`: what came back is noted, its address suspended, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.event_stores import some_events
from tests.unit.cli.conftest import Avowal
from tests.unit.cli.test_reports_command import (  # noqa: F401 - a fixture
    CONFIGURATION,
    DATE,
    ZONE,
    Inbox,
    inbox,
)
from tests.unit.report.test_bounces import bounce

from avowal.stores.sqlite_events import SqliteEvents


@pytest.fixture
def site(avowal_command: Avowal, tmp_path: Path, inbox: Inbox) -> Avowal:  # noqa: F811
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    text = CONFIGURATION.replace("PORT", str(inbox.port)) + 'bounces = "back@example.com"\n'
    (tmp_path / "avowal.toml").write_text(text)
    store = SqliteEvents(str(tmp_path / "e.db"))
    store.append(some_events(400))
    store.close()
    return lambda *words, **rest: avowal_command(*words, "-c", "avowal.toml", **rest)


def test_a_bounce_suspends_its_address_and_a_forged_one_nobody(
    site: Avowal,
    inbox: Inbox,  # noqa: F811
    tmp_path: Path,
) -> None:
    site("reports", "send", "--day", DATE)
    senders = {to: sender for (to, _), sender in zip(inbox.got, inbox.senders, strict=True)}
    assert all(one.startswith("back+20000.") for one in senders.values())
    assert len(set(senders.values())) == len(senders) == 2
    (tmp_path / "back").mkdir()
    (tmp_path / "back/1.eml").write_bytes(bounce(senders["a@d3.example"]))
    forged = senders["b@d3.example"][:-14] + "00@example.com"
    (tmp_path / "back/2.eml").write_bytes(bounce(forged))
    (tmp_path / "back/3.eml").write_bytes(bounce(senders["b@d3.example"], action="delayed"))
    (tmp_path / "back/4.eml").write_bytes(b"Subject: buy\r\n\r\nthis\r\n")
    first = site("reports", "bounces", "back")
    assert first.returncode == 0, first.stderr
    assert b"a@d3.example: the report of 2024-10-04 about d3.example came back" in first.stdout
    words = b"1 delays, 1 no bounces, 1 suspended, 1 unknown or known before"
    assert words in first.stderr
    told = json.loads(site("reports", "status", "--json").stdout)
    assert {one["address"] for one in told["suspended"]} == {"a@d3.example", "gone@d4.example"}
    assert told["days"][0]["mails"] == {"bounced": 1, "refused": 1, "sent": 1}
    again = site("reports", "bounces", "back/1.eml")
    assert b"1 unknown or known before" in again.stderr


def test_without_an_address_for_them_nothing_is_read(site: Avowal, tmp_path: Path) -> None:
    text = (tmp_path / "avowal.toml").read_text().replace('bounces = "back@example.com"\n', "")
    (tmp_path / "avowal.toml").write_text(text)
    ran = site("reports", "bounces", "nothing")
    assert ran.returncode == 2
    assert b"aggregate.bounces" in ran.stderr


def test_a_mail_that_is_too_large_is_told(site: Avowal, tmp_path: Path) -> None:
    large = b"Subject: x\r\n\r\n" + b"x" * 998 * 17_000
    (tmp_path / "large.eml").write_bytes(large)
    ran = site("reports", "bounces", "large.eml")
    assert b"over 16777216 octets" in ran.stderr
