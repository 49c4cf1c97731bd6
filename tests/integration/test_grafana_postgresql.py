"""The statements of the dashboards for Grafana, over reports and events of ours in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from tests.aggregates import RECORD
from tests.database_servers import postgresql
from tests.event_stores import DAY_0, some_events
from tests.grafana_files import DASHBOARDS, targets
from tests.reportmails import feedback
from tests.unit.stores.test_received import FAILED, TLS, add

from avowal.dates import DAY
from avowal.report.failure import read_failure_report
from avowal.report.report_ledger import MailName
from avowal.stores.events import open_event_store
from avowal.stores.received import open_received
from avowal.stores.report_tables import ReportTables

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra: sql)")
STATEMENTS = [pytest.param(target, id=where) for where, target in targets("rawSql")]


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    with postgresql() as port:
        name = f"postgresql://avowal@127.0.0.1:{port}/postgres"
        with open_received(name) as store:
            begin = DAY_0 * DAY
            report = read_failure_report(feedback())
            for day in range(3):
                add(store, RECORD, FAILED, number=str(day), day=DAY_0 + day)
            store.add_tls(
                replace(TLS, begin=begin, end=begin + DAY - 1), origin="", received=0, sender=None
            )
            store.add_failure(
                replace(report, arrival=begin), origin="", received=begin, sender=None
            )
        events = open_event_store(name)
        events.append([
            structs.replace(
                event, key=structs.replace(event.key, signed=(("us.example", "s1"),))
            )
            for event in some_events(200)
        ])  # fmt: skip
        ReportTables(events).enter([MailName(DAY_0, "a.example", "id", "d@a.example")], begin)
        events.close()
        with psycopg.connect(name, autocommit=True) as opened:
            yield opened


def as_asked(statement: str) -> str:
    """Put what Grafana puts in place of its macros and variables."""
    return (
        statement.replace("$__unixEpochFrom()", str(DAY_0 * DAY))
        .replace("$__unixEpochTo()", str((DAY_0 + 3) * DAY))
        .replace("$domain", "'example.org','example.net'")
    )


@pytest.mark.parametrize("target", STATEMENTS)
def test_a_panel_finds_rows(target: dict[str, str], connection: Any) -> None:
    found = connection.execute(as_asked(target["rawSql"]))
    names = [column.name for column in found.description]
    rows = found.fetchall()
    assert rows
    assert all(row[0] is not None for row in rows)
    if target["format"] == "time_series":
        assert names[0] == "time"
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_the_domains_to_choose_from_are_those_of_the_reports(connection: Any) -> None:
    (domain,) = DASHBOARDS["avowal-reports"]["templating"]["list"]
    assert connection.execute(domain["query"]).fetchall() == [("example.org",)]
