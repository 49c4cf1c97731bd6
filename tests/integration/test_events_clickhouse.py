"""Events in ClickHouse: what every store does, on a server of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.database_servers import clickhouse
from tests.event_stores import CASES, DAY_0, Opening, counts_of, some_events
from tests.failure_stores import FAILURE_CASES

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event_store import DoubtfulWrite, counted
from avowal.stores import clickhouse_schema
from avowal.stores.clickhouse_events import ClickhouseEvents
from avowal.stores.events import open_event_sink, open_event_store, open_kept_events
from avowal.stores.report_tables import ReportTables
from avowal.stores.sqlite_events import SqliteEvents


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with clickhouse() as port:
        yield f"clickhouse://default@127.0.0.1:{port}/default"


@pytest.fixture
def opening(server: str, tmp_path: Path) -> Iterator[Opening]:
    """Open stores over tables that are empty, with a ledger that is new."""
    name = f"{server}?ledger=sqlite:{tmp_path}/ledger.db"
    opened = [ClickhouseEvents(name)]
    for table in ("event", "event_count"):
        opened[0]._run(f"TRUNCATE TABLE {table}")

    def another() -> ClickhouseEvents:
        opened.append(ClickhouseEvents(name))
        return opened[-1]

    yield another
    for one in opened:
        one.close()


@pytest.mark.parametrize("case", CASES + FAILURE_CASES, ids=lambda case: case.__name__)
def test_events_in_clickhouse(case: Callable[[Opening], None], opening: Opening) -> None:
    case(opening)


def test_rows_are_those_of_sqlite(opening: Opening, tmp_path: Path) -> None:
    store, other, events = opening(), SqliteEvents(str(tmp_path / "e.db")), some_events(400)
    store.append(events)
    other.append(events)
    assert list(store.rows(DAY_0, reported=True)) == list(other.rows(DAY_0, reported=True))
    assert list(store.rows(DAY_0)) == list(other.rows(DAY_0))


def test_events_go_in_the_middle_of_a_day(opening: Opening) -> None:
    store, events = opening(), some_events(200)
    store.append(events)
    noon = DAY_0 * DAY + DAY // 2
    left = [event for event in events if event.time >= noon]
    assert store.prune(events_before=noon, counts_before=0).events == len(events) - len(left)
    assert len(list(store.events(0, 1 << 40))) == len(left)
    assert counts_of(store) == counted(events)


def test_an_answer_that_is_not_read_to_its_end_holds_up_nothing(opening: Opening) -> None:
    store = opening()
    store.append(some_events(100))
    assert next(iter(store.events(0, 1 << 40)))
    store.append(some_events(100, seed=2))
    assert sum(number for _, number in store.days()) == 200


def test_without_a_ledger_events_are_kept_and_no_report_is_sent(
    server: str, opening: Opening
) -> None:
    sink = open_event_sink(server)
    sink.append(some_events(20))
    sink.close()
    store = open_kept_events(server)
    assert len(list(store.rows(DAY_0))) > 0
    assert opening().days() == store.days()
    with pytest.raises(StoreError, match=r"name one in the store, clickhouse://…\?ledger="):
        ReportTables(store).states()
    store.close()


@pytest.mark.parametrize("at_the_end", [True, False], ids=["written", "not-written"])
@pytest.mark.parametrize("broken_at", [1, 2], ids=["first-day", "second-day"])
def test_a_connection_that_breaks_around_an_insert_writes_a_batch_once(
    opening: Opening, broken_at: int, *, at_the_end: bool
) -> None:
    store, events, calls = opening(), some_events(40), list[str]()
    assert isinstance(store, ClickhouseEvents)
    execute = store._client.execute

    def breaking(query: str, params: object = None, **rest: object) -> object:
        calls.append(query)
        if len(calls) == broken_at and not at_the_end:
            raise EOFError("gone")
        answer = execute(query, params, **rest)
        if len(calls) == broken_at:
            raise EOFError("gone")
        return answer

    store._client.execute = breaking
    with pytest.raises(DoubtfulWrite) as told:
        store.append(events)
    assert told.value.wrote()
    assert Counter(store.events(0, 1 << 40)) == Counter(events)
    assert counts_of(store) == counted(events)


def test_tables_of_version_1_get_the_numbers_of_batches(server: str, opening: Opening) -> None:
    store = opening()
    assert isinstance(store, ClickhouseEvents)
    store._run("ALTER TABLE event DROP COLUMN batch")
    store._run("DROP TABLE event_schema")
    again = ClickhouseEvents(server)
    again.append(some_events(20))
    assert len(list(again.events(0, 1 << 40))) == 20
    again.close()


def test_a_newer_version_is_refused_and_left_alone(
    server: str, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening().close()
    monkeypatch.setattr(clickhouse_schema, "VERSION", 0)
    with pytest.raises(StoreError, match="are of version 2, and this program knows 0: update it"):
        ClickhouseEvents(server)


def test_a_database_that_is_not_there_is_named(server: str) -> None:
    with pytest.raises(StoreError, match=r"ClickHouse: .*Database none doesn't exist"):
        open_event_store(server.removesuffix("default") + "none")
