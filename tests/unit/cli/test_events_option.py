"""`avowal verify --events`: what was found of each message is kept."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import NOW, Avowal

from avowal.stores.sqlite_events import SqliteEvents


def test_each_message_is_an_event_at_the_time_it_was_judged_at(
    avowal_command: Avowal, tmp_path: Path
) -> None:
    names = ("signed.eml", "tampered.eml", "unsigned.eml")
    avowal_command(
        "verify", *names, "--zone", "zone.json", "--at", str(NOW), "--events", "sqlite:e.db"
    )
    events = list(SqliteEvents(str(tmp_path / "e.db")).events(NOW, NOW + 1))
    assert sorted([one.result for one in event.key.dkim] for event in events) == [
        [],
        ["fail"],
        ["pass"],
    ]
    assert {event.key.author for event in events} == {"example.com"}


def test_a_store_that_cannot_be_opened_is_named(avowal_command: Avowal) -> None:
    ran = avowal_command(
        "verify", "signed.eml", "--zone", "zone.json", "--events", "sqlite:no/such/e.db"
    )
    assert ran.returncode == 2
    assert b"no/such" in ran.stderr
    assert b"Traceback" not in ran.stderr
