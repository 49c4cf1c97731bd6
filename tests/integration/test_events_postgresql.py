"""Events in PostgreSQL: what every store does, on a server of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.database_servers import PostgresServer, directory
from tests.event_stores import (
    CASES,
    Opening,
    rules_are_kept_once_and_removed_with_their_events,
    some_events,
)
from tests.failure_stores import FAILURE_CASES
from tests.integration.test_events_mail_postgresql import serves
from tests.integration.test_opendkim_databases import postgresql_server
from tests.mailloop import until
from tests.unit.cli.conftest import Avowal, avowal_command  # noqa: F401 - a fixture
from tests.unit.cli.test_reports_command import (  # noqa: F401 - a fixture
    DATE,
    ZONE,
    Inbox,
    inbox,
)

from avowal.errors import StoreError
from avowal.report.event_store import DoubtfulWrite
from avowal.report.recorder import Recorder
from avowal.stores.event_tables import EventTables
from avowal.stores.events import open_event_store
from avowal.stores.postgres_events import PostgresEvents
from avowal.stores.report_tables import ReportStore

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: sql)")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql_server() as name:
        yield _url(name)


def _url(name: str) -> str:
    port, _, rest = name.removeprefix("dsn:pgsql://avowal@").partition("+")
    return f"postgresql://avowal@{rest.replace('/', f':{port}/', 1)}"


@pytest.fixture
def opening(server: str) -> Iterator[Opening]:
    """Open stores over tables that are empty."""
    store = PostgresEvents(server)
    with store.transaction() as cursor:
        for table in (
            "event",
            "event_count",
            "event_key",
            "event_host",
            "event_rules",
            "report_mail",
            "report_suspension",
            "report_lease",
            "report_secret",
            "failure_case",
            "failure_count",
            "failure_mail",
        ):
            cursor.execute(f"TRUNCATE {table}")
        cursor.execute("UPDATE event_schema SET generation = generation + 1")
    opened = [store]

    def another() -> ReportStore:
        opened.append(PostgresEvents(server))
        return opened[-1]

    yield another
    for one in opened:
        one.close()


@pytest.mark.parametrize("case", CASES + FAILURE_CASES, ids=lambda case: case.__name__)
def test_events_in_postgresql(case: Callable[[Opening], None], opening: Opening) -> None:
    case(opening)


def test_rules_in_postgresql(opening: Opening) -> None:
    def tables() -> EventTables:
        store = opening()
        assert isinstance(store, PostgresEvents)
        return store

    rules_are_kept_once_and_removed_with_their_events(tables)


def test_a_connection_that_broke_is_told_and_a_new_one_goes_on(opening: Opening) -> None:
    store = opening()
    assert isinstance(store, PostgresEvents)
    with store.transaction() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (number,) = cursor.fetchone()
    killer = opening()
    assert isinstance(killer, PostgresEvents)
    with killer.transaction() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend({number})")
    with pytest.raises(StoreError, match="PostgreSQL: "):
        store.append(some_events(10))
    again = opening()
    again.append(some_events(10))
    assert sum(number for _, number in again.days()) == 10


@pytest.mark.parametrize("at_the_end", [True, False], ids=["committed", "not-committed"])
def test_a_connection_that_breaks_around_a_commit_writes_a_batch_once(
    opening: Opening, *, at_the_end: bool
) -> None:
    psycopg = pytest.importorskip("psycopg")
    broken = list[int]()

    def breaking() -> ReportStore:
        store = opening()
        assert isinstance(store, PostgresEvents)
        connection: Any = store._connection

        class Breaking:
            @contextmanager
            def transaction(self) -> Iterator[None]:
                with connection.transaction():
                    yield
                    if not broken and not at_the_end:
                        broken.append(1)
                        raise psycopg.OperationalError("gone")
                if not broken:
                    broken.append(1)
                    raise psycopg.OperationalError("gone")

            def __getattr__(self, name: str) -> object:
                return getattr(connection, name)

        store._connection = cast("Any", Breaking())
        return store

    recorder = Recorder(breaking, pause=0)
    for event in some_events(40):
        recorder.take(event)
    until(lambda: recorder.recorded == 40, what="every event")
    recorder.settle(10)
    assert broken
    assert sum(number for _, number in opening().days()) == 40


def test_a_batch_that_a_crash_took_is_not_found_under_the_number_of_another() -> None:
    """A server that crashed gives the number of a transaction that left no trace once more."""
    psycopg = pytest.importorskip("psycopg")
    with directory() as place:
        server = PostgresServer(place)
        server.start()
        until(lambda: serves(server), what="PostgreSQL")

        class Crashing(PostgresEvents):
            def _keys(self, cursor: Any, wanted: Any) -> Any:
                server.stop(signal.SIGQUIT)  # the batch has begun, and nothing of it is kept
                raise psycopg.OperationalError("gone")

        try:
            with pytest.raises(DoubtfulWrite) as told:
                Crashing(server.url).append(some_events(5))
            server.start()
            until(lambda: serves(server), what="PostgreSQL")
            with closing(PostgresEvents(server.url)) as other:
                other.append(some_events(20, seed=3))
            assert not told.value.wrote()
        finally:
            server.stop()


CONFIGURATION = """
dns.zone_file = "zone.json"
[events]
store = "{server}"
keep_days = 100000
keep_counts_days = 100000
[keys.main]
domain = "example.com"
selector = "s1"
file = "s1.pem"
[aggregate]
sender = "dmarc@example.com"
key = "main"
relay = "127.0.0.1:{port}"
per_minute = 60000
connections = 1
"""


def test_two_hosts_send_every_report_once_though_the_first_is_killed(
    opening: Opening,
    server: str,
    inbox: Inbox,  # noqa: F811
    avowal_command: Avowal,  # noqa: F811
    tmp_path: Path,
) -> None:
    text = CONFIGURATION.format(server=server, port=inbox.port)
    (tmp_path / "avowal.toml").write_text(text)
    domains = [f"d{number}.example" for number in range(10)]
    zone = {f"_dmarc.{one}": f"v=DMARC1; p=reject; rua=mailto:a@{one}" for one in domains}
    (tmp_path / "zone.json").write_text(json.dumps(ZONE | zone))
    store = opening()
    store.append(some_events(600))
    send = ("reports", "send", "--day", DATE, "-c", "avowal.toml")
    first = subprocess.Popen([sys.executable, "-m", "avowal", *send], cwd=tmp_path)
    inbox.on_mail = lambda number: first.kill() if number == 3 else None
    first.wait(60)
    assert len(inbox.got) == 3  # the third was taken, and nobody lived to note it
    assert avowal_command(*send).returncode == 3  # the dead one leads still
    with store.transaction() as cursor:
        cursor.execute("UPDATE report_lease SET until = 0")
    second = avowal_command(*send)
    assert second.returncode == 0, second.stderr
    assert Counter(to for to, _ in inbox.got) == {f"a@{one}": 1 for one in domains}
    assert b"1 uncertain before" in second.stderr


def test_while_the_server_is_down_nobody_waits_and_every_loss_is_counted() -> None:
    with postgresql_server() as name:
        recorder = Recorder(lambda: open_event_store(_url(name)), waiting=50, pause=0)
        for event in some_events(40):
            recorder.take(event)
        until(lambda: recorder.recorded == 40, what="every event")
    for event in some_events(500):
        recorder.take(event)
    recorder.settle(10)
    assert (recorder.recorded, recorder.dropped) == (40, 500)


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreError, match="PostgreSQL: "):
        open_event_store("postgresql://nobody@127.0.0.1:1/none")
