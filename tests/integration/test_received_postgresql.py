"""Received reports in PostgreSQL: what every store does, and several hosts beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from tests.aggregates import METADATA, POLICY, RECORD
from tests.database_servers import postgresql
from tests.unit.cli.conftest import Avowal, avowal_command  # noqa: F401 - a fixture
from tests.unit.stores.test_received import (  # noqa: F401 - what both engines do
    ALL,
    FAILED,
    add,
    test_a_file_that_was_read_is_known_as_it_is,
    test_a_report_is_known_by_organisation_id_and_domain,
    test_a_report_that_breaks_leaves_nothing,
    test_a_subdomain_is_told_by_whole_labels,
    test_copies_are_counted,
    test_failure_reports_are_kept_once,
    test_messages_are_counted_by_day,
    test_outcomes_remembered_are_bounded,
    test_reports_of_smtp_tls_are_kept_once,
    test_signatures_are_counted_by_key_receiver_and_day,
    test_sources_tell_who_signed,
    test_the_last_mail_of_a_mailbox_is_known_under_its_numbering,
    test_the_policy_is_the_last_one_found,
)

from avowal.errors import StoreError
from avowal.report.aggregate import AggregateReport, DkimAuthResult, Result
from avowal.report.aggregate_xml import write_compressed
from avowal.report.received import KnownReport, Pruned
from avowal.stores import received_postgresql
from avowal.stores.received import open_kept_reports, open_received
from avowal.stores.received_postgresql import SCHEMA, PostgresReceived
from avowal.stores.received_schema import VERSIONS
from avowal.stores.received_tables import ReceivedTables

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra: sql)")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as port:
        yield f"postgresql://avowal@127.0.0.1:{port}/postgres"


@pytest.fixture
def store(server: str) -> Iterator[ReceivedTables]:
    with psycopg.connect(server) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    with open_received(server) as opened:
        yield opened


def test_alike_records_stand_once(store: ReceivedTables) -> None:
    add(store, *[replace(RECORD, source_ip=f"192.0.2.{n}") for n in range(200)])
    assert store._number("SELECT count(*) FROM outcome") == 1


def test_what_is_older_goes_and_nothing_of_it_stays(store: ReceivedTables) -> None:
    add(store, FAILED)
    add(store, RECORD, number="8", day=9)
    assert store.prune(9) == Pruned(1, 1)
    assert [row.day for row in store.days("example.org", ALL)] == [9]
    assert store._number("SELECT count(*) FROM outcome") == 1


@pytest.mark.parametrize("version", range(len(VERSIONS) + 1))
def test_the_tables_go_up_and_down_with_what_both_hold(store: ReceivedTables, version: int) -> None:
    add(store, RECORD)
    store.migrate(version)
    assert store.version == version
    store.migrate()
    assert len(store.days("example.org", ALL)) == bool(version)
    add(store, RECORD, number="9")
    with pytest.raises(KnownReport):  # the index came back with its table
        add(store, RECORD, number="9")


def test_a_newer_version_is_left_alone(store: ReceivedTables, server: str) -> None:
    store._execute("UPDATE version SET number = 99")
    with pytest.raises(StoreError, match=r"version 99, .*: use the newer program"):
        PostgresReceived(server)


def test_long_names_and_characters_that_no_text_has_are_kept(store: ReceivedTables) -> None:
    signer = DkimAuthResult(
        domain="d\0.example", selector="s", result=Result.PASS, human_result="\x00" + "ü" * 9000
    )
    odd = replace(RECORD, dkim_results=(signer,))
    add(store, odd, odd, org="ö" * 4000, number="#" * 4000)
    with pytest.raises(KnownReport):
        add(store, odd, odd, org="ö" * 4000, number="#" * 4000)
    assert store.known("aggregate", "ö" * 4000, "#" * 4000, "example.org")
    assert store.days("example.org", ALL)[0].passed == 4


def test_hosts_that_add_the_same_reports_at_once_keep_each_once(
    store: ReceivedTables, server: str
) -> None:
    hosts, numbers = 4, 12
    at_once = Barrier(hosts)

    def read(_: int) -> Counter[str]:
        done: Counter[str] = Counter()
        with open_received(server) as mine:
            for number in range(numbers):
                at_once.wait(60)
                if mine.known("aggregate", "big", str(number), "example.org"):
                    done["known"] += 1
                    continue
                try:
                    add(mine, RECORD, FAILED, number=str(number), day=number)
                    done["kept"] += 1
                except KnownReport:
                    done["known"] += 1
        return done

    with ThreadPoolExecutor(hosts) as pool:
        total = sum(pool.map(read, range(hosts)), Counter())
    assert total == {"kept": numbers, "known": numbers * (hosts - 1)}
    assert [row.passed + row.failed for row in store.days("example.org", ALL)] == [5] * numbers
    assert store._number("SELECT count(*) FROM outcome") == 2


def test_hosts_that_begin_together_make_the_tables_once(store: ReceivedTables, server: str) -> None:
    store._execute(f"DROP SCHEMA {SCHEMA} CASCADE")

    def begin(_: int) -> int:
        with open_received(server) as one:
            return one.version

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(begin, range(4))) == [len(VERSIONS)] * 4


def test_files_of_another_host_are_others(
    store: ReceivedTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.mark_read("/var/mail/dmarc", 5, 9)
    store.mark_read("a@h/INBOX", 12, 77)
    here = received_postgresql.os.uname()
    monkeypatch.setattr(
        received_postgresql.os, "uname", lambda: type(here)((here[0], "elsewhere", *here[2:]))
    )
    assert not store.was_read("/var/mail/dmarc", 5, 9)
    assert store.last_read("a@h/INBOX", 77) == 12


def test_who_waits_too_long_for_another_is_told(
    store: ReceivedTables, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_received(server) as other:
        other._execute("SET lock_timeout = '10ms'")
        with store._transaction(), pytest.raises(StoreError, match="another program writes"):
            add(other, RECORD)
        add(other, RECORD)  # it goes on
    assert store.known("aggregate", "big", "7", "example.org")


def test_looking_makes_no_tables(store: ReceivedTables, server: str) -> None:
    store._execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    with pytest.raises(StoreError, match="no reports are kept there yet"):
        open_kept_reports(server)
    assert store._number(f"SELECT (to_regclass('{SCHEMA}.report') IS NULL)::int") == 1


def test_two_hosts_read_and_show_by_the_command(
    store: ReceivedTables,
    server: str,
    avowal_command: Avowal,  # noqa: F811
    tmp_path: Path,
) -> None:
    for name, number in (("one", "1"), ("two", "1"), ("three", "2")):
        report = AggregateReport(
            metadata=replace(METADATA, report_id=number), policy=POLICY, records=(RECORD, FAILED)
        )
        (tmp_path / f"{name}.xml.gz").write_bytes(write_compressed(report))
    for name, said in (("one", b"1 reports kept"), ("two", b"1 known"), ("three", b"1 reports")):
        done = avowal_command("reports", "read", "--store", server, f"{name}.xml.gz")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout + done.stderr
    shown = avowal_command("reports", "show", "--store", server, "--offline", "example.org")
    assert b"10 messages" in shown.stdout, shown.stderr
    assert [one.reports for one in store.reporters("example.org", ALL)] == [2]
