"""Events in PostgreSQL: what every store does, on a server of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.event_stores import CASES, Opening, some_events
from tests.integration.test_opendkim_databases import postgresql_server

from avowal.errors import StoreError
from avowal.stores.event_tables import EventTables
from avowal.stores.events import open_event_store
from avowal.stores.postgres_events import PostgresEvents

pytest.importorskip("psycopg", reason="psycopg is not installed (extra: sql)")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql_server() as name:
        port, _, rest = name.removeprefix("dsn:pgsql://avowal@").partition("+")
        yield f"postgresql://avowal@{rest.replace('/', f':{port}/', 1)}"


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
            "report_mail",
            "report_suspension",
            "report_lease",
        ):
            cursor.execute(f"TRUNCATE {table}")
        cursor.execute("UPDATE event_schema SET generation = generation + 1")
    opened = [store]

    def another() -> EventTables:
        opened.append(PostgresEvents(server))
        return opened[-1]

    yield another
    for one in opened:
        one.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_events_in_postgresql(case: Callable[[Opening], None], opening: Opening) -> None:
    case(opening)


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


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreError, match="PostgreSQL: "):
        open_event_store("postgresql://nobody@127.0.0.1:1/none")
