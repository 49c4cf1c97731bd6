"""Events in SQLite: what every store does, and what this one does besides."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.event_stores import (
    CASES,
    Opening,
    rules_are_kept_once_and_removed_with_their_events,
    some_events,
)

from avowal.errors import StoreError
from avowal.report.event import digest
from avowal.stores.event_schema import CREATE, VERSIONS
from avowal.stores.events import open_event_sink, open_event_store
from avowal.stores.sqlite_events import SqliteEvents

WRITER = """
import sys, time
from tests.event_stores import some_events
from avowal.report.recorder import Recorder
from avowal.stores.events import open_event_sink
recorder = Recorder(lambda: open_event_sink(sys.argv[1]))
for event in some_events(1000):
    recorder.take(event)
while recorder.recorded < 1000:
    time.sleep(0.01)
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_events_in_sqlite(case: Callable[[Opening], None], tmp_path: Path) -> None:
    case(lambda: open_event_store(f"sqlite:{tmp_path}/events.db"))


def test_rules_in_sqlite(tmp_path: Path) -> None:
    rules_are_kept_once_and_removed_with_their_events(lambda: SqliteEvents(f"{tmp_path}/e.db"))


def test_a_kill_leaves_what_was_written_half_a_second_before(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, f"{tmp_path}/e.db"], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"written\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert sum(number for _, number in SqliteEvents(f"{tmp_path}/e.db").days()) == 1000


def test_no_octet_of_an_erased_address_is_left_in_the_files(tmp_path: Path) -> None:
    store = SqliteEvents(str(tmp_path / "e.db"))
    store.append(some_events(200))
    assert any(b"192.0.2.3" in path.read_bytes() for path in tmp_path.iterdir())
    store.erase("192.0.2.3")
    assert not any(b"192.0.2.3" in path.read_bytes() for path in tmp_path.iterdir())


def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    SqliteEvents(str(tmp_path / "e.db"))
    assert (tmp_path / "e.db").stat().st_mode & 0o077 == 0


def test_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = SqliteEvents(str(tmp_path / "e.db"))
    with store.transaction() as cursor:
        cursor.execute("UPDATE event_schema SET version = 99")
    with pytest.raises(StoreError, match="version 99"):
        SqliteEvents(str(tmp_path / "e.db"))


@pytest.mark.parametrize("version", range(1, len(VERSIONS)))
def test_tables_of_an_older_version_are_brought_up(tmp_path: Path, version: int) -> None:
    path, (event, *_) = str(tmp_path / "e.db"), some_events(1)
    with closing(sqlite3.connect(path)) as connection:
        for text in (*CREATE, *(text for some in VERSIONS[:version] for text in some)):
            connection.execute(text.format(**SqliteEvents.types))
        connection.execute("UPDATE event_schema SET version = ?", (version,))
        connection.execute("INSERT INTO event_host (id, name) VALUES (1, ?)", (event.host,))
        key = event.key.octets()
        connection.execute(
            "INSERT INTO event_key (id, digest, reported, facts) VALUES (1, ?, 0, ?)",
            (digest(key), key),
        )
        row = (event.time, event.queue_id)
        connection.execute("INSERT INTO event (time, host, key, queue_id) VALUES (?, 1, 1, ?)", row)
        connection.commit()
    store = SqliteEvents(path)
    assert list(store.events(0, 1 << 40)) == [event]
    store.append(some_events(50, seed=2))
    assert len(list(store.events(0, 1 << 40))) == 51


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.db").write_bytes(b"Dear diary, " * 100)
    with pytest.raises(StoreError, match=r"e\.db: it is no SQLite database"):
        open_event_store(str(tmp_path / "e.db"))


def test_lines_are_a_json_object_each(tmp_path: Path) -> None:
    sink = open_event_sink(f"{tmp_path}/e.jsonl")
    sink.append(some_events(3))
    sink.close()
    lines = (tmp_path / "e.jsonl").read_bytes().splitlines()
    assert len(lines) == 3
    assert {"time", "host", "key", "queue_id"} == set(json.loads(lines[0]))


def test_lines_cannot_be_counted(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not counted"):
        open_event_store(f"lines:{tmp_path}/e.jsonl")
