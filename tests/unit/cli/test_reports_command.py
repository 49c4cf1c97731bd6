"""`avowal reports make`, `send` and `status`, as an operator runs them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.event_stores import DAY_0, some_events
from tests.unit.cli.conftest import Avowal

import avowal
from avowal.cli.reporting import day_of
from avowal.dates import DAY
from avowal.errors import UsageError
from avowal.message import Message
from avowal.report.event_store import counted
from avowal.stores.received import open_received
from avowal.stores.sqlite_events import SqliteEvents
from avowal.testing import ED25519, Zone, record_for

pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed")
from aiosmtpd.smtp import SMTP

DATE = "2024-10-04"
ZONE = {
    "s1._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=none",
    "_dmarc.d3.example": "v=DMARC1; p=reject; rua=mailto:a@d3.example,mailto:b@d3.example",
    "_dmarc.d4.example": "v=DMARC1; p=reject; rua=mailto:gone@d4.example",
}
CONFIGURATION = """
dns.zone_file = "zone.json"
[events]
store = "sqlite:e.db"
keep_days = 100000
keep_counts_days = 100000
[keys.main]
domain = "example.com"
selector = "s1"
file = "s1.pem"
[aggregate]
sender = "dmarc@example.com"
key = "main"
relay = "127.0.0.1:PORT"
per_minute = 60000
"""


class Inbox:
    """Takes mail on a port of loopback; refuses whoever is gone."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.senders: list[str] = []
        self.port = 0
        self.on_mail: Callable[[int], None] = lambda number: None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:  # noqa: N802 - aiosmtpd's
        if rest[0].startswith("gone"):
            return "550 no such user"
        envelope.rcpt_tos.append(rest[0])
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        self.got += [(to, envelope.content) for to in envelope.rcpt_tos]
        self.senders += [envelope.mail_from for _ in envelope.rcpt_tos]
        self.on_mail(len(self.got))
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    loop, made, ready = asyncio.new_event_loop(), Inbox(), threading.Event()

    done = asyncio.Event()

    async def serve() -> None:
        server = await loop.create_server(lambda: SMTP(made), "127.0.0.1", 0)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        await done.wait()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)  # the last connection says goodbye

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    yield made
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


@pytest.fixture
def site(avowal_command: Avowal, tmp_path: Path, inbox: Inbox) -> Avowal:
    """A receiver with a day of events."""
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    text = CONFIGURATION.replace("PORT", str(inbox.port))
    (tmp_path / "avowal.toml").write_text(text)
    store = SqliteEvents(str(tmp_path / "e.db"))
    store.append(some_events(400))
    store.close()
    return lambda *words, **rest: avowal_command(*words, "-c", "avowal.toml", **rest)


def test_reports_are_sent_once_signed_and_counted(
    site: Avowal, inbox: Inbox, tmp_path: Path
) -> None:
    first = site("reports", "send", "--day", DATE)
    assert first.returncode == 0, first.stderr
    site("reports", "send", "--day", DATE)
    assert sorted(to for to, _ in inbox.got) == ["a@d3.example", "b@d3.example"]
    found = avowal.authenticate(inbox.got[0][1], resolver=Zone(ZONE)).findings.policies
    assert found is not None
    assert found.dmarc is not None
    assert found.dmarc.result == "pass"
    assert Message.parse(inbox.got[0][1]).header.named(b"auto-submitted")
    told = json.loads(site("reports", "status", "--json").stdout)
    assert told["suspended"][0]["address"] == "gone@d4.example"
    assert told["days"][0]["mails"] == {"refused": 1, "sent": 2}


def test_what_a_daemon_dropped_is_told(
    site: Avowal, avowal_command: Avowal, tmp_path: Path
) -> None:
    assert site("reports", "status").returncode == 0
    today = int(time.time()) // DAY
    with closing(SqliteEvents(str(tmp_path / "e.db"))) as store:
        store.note_lost({(today, "mx1"): 7})
    ran = site("reports", "status")
    assert ran.returncode == 1
    assert b"nothing sent; without an event, so in no report: 7 at mx1" in ran.stdout
    told = json.loads(site("reports", "status", "--json").stdout)
    assert told["days"][-1]["events_lost"] == {"mx1": 7}
    open_received(str(tmp_path / "r.db")).close()
    health = site("reports", "health", "--store", "r.db")
    assert health.returncode == 1
    assert health.stdout.startswith(b"mx1: 7 messages of ")
    assert avowal_command("reports", "health", "--store", "r.db").returncode == 0


def test_make_writes_a_file_for_each_domain_that_asks(site: Avowal, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ran = site("reports", "make", "--day", DATE, "-o", "out", "--json")
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    counts = counted(some_events(400))[DAY_0]
    reported = sum(number for key, number in counts.items() if key.is_reported)
    assert sum(row["messages"] for row in rows) == reported
    assert {row["file"] for row in rows} == {path.name for path in (tmp_path / "out").iterdir()}


def test_several_processes_make_what_one_makes(site: Avowal, tmp_path: Path) -> None:
    for jobs in ("1", "3"):
        (tmp_path / jobs).mkdir()
        site("reports", "make", "--day", DATE, "-o", jobs, "--jobs", jobs)
    one, three = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("1", "3"))
    assert one == three
    assert one


def test_what_is_older_than_it_may_be_goes_when_reports_are_sent(
    site: Avowal, tmp_path: Path
) -> None:
    path = tmp_path / "avowal.toml"
    path.write_text(path.read_text().replace("100000", "300"))  # the events are of 2024
    ran = site("reports", "send", "--day", DATE)
    assert ran.returncode == 0, ran.stderr
    assert SqliteEvents(str(tmp_path / "e.db")).days() == []


def test_an_address_is_forgotten(site: Avowal, tmp_path: Path) -> None:
    ran = site("reports", "forget", "192.0.2.3")
    assert ran.returncode == 0
    left = SqliteEvents(str(tmp_path / "e.db")).events(0, 1 << 40)
    assert {event.key.source for event in left} == {"192.0.2.0", "192.0.2.1", "192.0.2.2"}
    assert site("reports", "forget", "somebody").returncode == 2


def test_what_p_reject_would_have_cost_is_told(site: Avowal) -> None:
    ran = site("reports", "cost", "d3.example", "--day", DATE, "--json")
    told = json.loads(ran.stdout)
    events = [event for event in some_events(400) if event.time // DAY == DAY_0]
    failed = [e for e in events if e.key.author == "d3.example" and e.key.dmarc == "fail"]
    assert told["refused"] == len(failed)
    assert sum(row["messages"] for row in told["sources"]) == len(failed)
    assert ran.returncode == 1


def test_a_dry_run_writes_nothing(site: Avowal, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    ran = site("reports", "make", "--day", DATE, "--dry-run", "--domain", "D3.Example")
    assert ran.stdout.count(b"example.com!d3.example!") == 1
    assert not {name for name in {path.name for path in tmp_path.iterdir()} - before if "!" in name}


def test_a_key_that_is_not_published_sends_nothing(
    site: Avowal, inbox: Inbox, tmp_path: Path
) -> None:
    zone = {name: text for name, text in ZONE.items() if "_domainkey" not in name}
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    ran = site("reports", "send", "--day", DATE)
    assert ran.returncode == 1
    assert b"does not pass DMARC" in ran.stderr
    assert inbox.got == []


def test_who_reports_has_to_be_named(avowal_command: Avowal, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('events.store = "sqlite:e.db"\n')
    ran = avowal_command("reports", "make", "-c", "a.toml")
    assert ran.returncode == 2
    assert b"aggregate.sender" in ran.stderr


def test_a_day_has_to_be_over() -> None:
    noon = DAY_0 * DAY + 43200
    assert day_of(None, noon) == DAY_0 - 1
    with pytest.raises(UsageError, match="not over yet"):
        day_of(DATE, noon)
    assert day_of(DATE, noon + DAY) == DAY_0
