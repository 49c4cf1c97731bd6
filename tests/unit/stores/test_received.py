"""Received reports in SQLite: each once, in sums, as old as is wanted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aggregates import METADATA, POLICY, RECORD
from tests.reportmails import feedback

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.aggregate import Aligned, Disposition, DkimAuthResult, Policy, Record, Result
from avowal.report.failure import read_failure_report
from avowal.report.received import (
    DayRow,
    FailureRow,
    KnownReport,
    Period,
    Pruned,
    ReceivedHead,
    TlsRow,
)
from avowal.report.shares import ShareRow
from avowal.report.tlsrpt import TlsPolicy, TlsReport
from avowal.stores import received_sqlite, received_tables
from avowal.stores.received import open_received
from avowal.stores.received_schema import VERSIONS
from avowal.stores.received_sqlite import SqliteReceived
from avowal.stores.received_tables import ReceivedTables

FAILED = replace(
    RECORD, source_ip="203.0.113.9", count=3, disposition=Disposition.REJECT, dkim=Aligned.FAIL,
    dkim_results=(DkimAuthResult(domain="example.org", selector="s1", result=Result.FAIL),),
)  # fmt: skip
TLS = TlsReport(
    organization="Sender", report_id="t", begin=0, end=DAY - 1, contact=None,
    policies=(TlsPolicy(type="sts", domain="example.org", successful=5, failed=2),),
)  # fmt: skip
ALL = Period(0, 10**6)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReceivedTables]:
    with SqliteReceived(tmp_path / "reports.db") as made:
        yield made


def add(
    store: ReceivedTables, *records: Record, number: str = "7", day: int = 0, org: str = "Big"
) -> None:
    metadata = replace(
        METADATA, org_name=org, report_id=number, begin=day * DAY, end=day * DAY + DAY - 1
    )
    head = ReceivedHead(metadata=metadata, policy=POLICY, origin="a file", received=0)
    with store.adding(head) as adding:
        adding.rows(records)
        adding.close(lost=0, damaged=False)


def test_a_report_is_known_by_organisation_id_and_domain(store: ReceivedTables) -> None:
    add(store, RECORD)
    assert store.known("aggregate", "big", "7", "example.org")
    assert not store.known("aggregate", "big", "8", "example.org")
    assert not store.known("tls", "big", "7", "example.org")


def test_copies_are_counted(store: ReceivedTables) -> None:
    add(store, RECORD)
    for _ in range(3):
        store.known("aggregate", "big", "7", "example.org")
    (reporter,) = store.reporters("example.org", ALL)
    assert (reporter.reports, reporter.messages, reporter.copies) == (1, 2, 3)


def test_messages_are_counted_by_day(store: ReceivedTables) -> None:
    add(store, RECORD, FAILED)
    add(store, RECORD, number="8", day=3)
    assert store.days("example.org", ALL) == (DayRow(0, 2, 3, 0, 3), DayRow(3, 2, 0, 0, 0))
    assert store.days("example.org", Period(1, 2)) == ()
    assert store.period("example.org") == Period(0, 3)


def test_signatures_are_counted_by_key_receiver_and_day(store: ReceivedTables) -> None:
    foreign = DkimAuthResult(domain="esp.example", selector="k", result=Result.PASS)
    add(store, replace(RECORD, dkim_results=(*RECORD.dkim_results, foreign)), FAILED)
    add(store, RECORD, org="Small", day=1)
    assert store.shares("example.org", ALL) == (
        ShareRow("example.org", "s1", "Big", 0, 2, 3),
        ShareRow("example.org", "s1", "Small", 1, 2, 0),
    )


def test_a_subdomain_is_told_by_whole_labels(store: ReceivedTables) -> None:
    signers = [
        DkimAuthResult(domain=domain, selector="k", result=Result.PASS)
        for domain in ("a.example.org", "notexample.org", "a.example_org")
    ]
    add(store, replace(RECORD, dkim_results=tuple(signers)))
    assert [row.domain for row in store.shares("example.org", ALL)] == ["a.example.org"]


def test_sources_tell_who_signed(store: ReceivedTables) -> None:
    add(store, RECORD, FAILED)
    passed, failed = store.sources("example.org", ALL)
    assert (passed.source, passed.messages, passed.signers) == ("192.0.2.1", 2, ("example.org",))
    assert (failed.source, failed.passed, failed.signers) == ("203.0.113.9", False, ())


def test_alike_records_stand_once(store: ReceivedTables, tmp_path: Path) -> None:
    add(store, *[replace(RECORD, source_ip=f"192.0.2.{n}") for n in range(200)])
    with sqlite3.connect(tmp_path / "reports.db") as other:
        assert other.execute("SELECT count(*) FROM outcome").fetchone() == (1,)
    other.close()


def test_outcomes_remembered_are_bounded(
    store: ReceivedTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_tables, "_KEPT", 5)
    add(store, *[replace(RECORD, header_from=f"{n}.example.org") for n in range(30)])
    assert len(store._numbers) <= 5
    assert store.days("example.org", ALL)[0].passed == 60


def test_a_report_that_breaks_leaves_nothing(store: ReceivedTables) -> None:
    head = ReceivedHead(metadata=METADATA, policy=POLICY, origin="", received=0)
    with pytest.raises(AttributeError), store.adding(head) as adding:
        adding.rows([RECORD, None])  # type: ignore[list-item]
    assert store.domains() == ()
    add(store, RECORD)
    assert store.days("example.org", ALL) == (DayRow(0, 2, 0, 0, 0),)


def test_the_policy_is_the_last_one_found(store: ReceivedTables) -> None:
    add(store, RECORD, day=5)
    assert store.policy("example.org") == POLICY
    assert POLICY.p is Policy.REJECT
    assert store.policy("example.net") is None


def test_reports_of_smtp_tls_are_kept_once(store: ReceivedTables) -> None:
    assert store.add_tls(TLS, origin="", received=0, sender=None)
    assert not store.add_tls(TLS, origin="", received=0, sender=None)
    assert store.tls("example.org", ALL) == (TlsRow(0, "Sender", "sts", 5, 2),)


def test_failure_reports_are_kept_once(store: ReceivedTables) -> None:
    report = read_failure_report(feedback())
    assert store.add_failure(report, origin="", received=0, sender=None)
    assert not store.add_failure(report, origin="", received=0, sender=None)
    assert store.failures("example.org", ALL) == (FailureRow(0, "192.0.2.1", "dmarc", "reject", 1),)


def test_a_file_that_was_read_is_known_as_it_is(store: ReceivedTables) -> None:
    store.mark_read("a", 5, 9)
    assert store.was_read("a", 5, 9)
    assert not store.was_read("a", 6, 9)


def test_the_last_mail_of_a_mailbox_is_known_under_its_numbering(store: ReceivedTables) -> None:
    store.mark_read("a@h/INBOX", 12, 77)
    assert store.last_read("a@h/INBOX", 77) == 12
    assert store.last_read("a@h/INBOX", 78) == 0


def test_what_is_older_goes_and_nothing_of_it_stays(store: ReceivedTables, tmp_path: Path) -> None:
    add(store, FAILED)
    add(store, RECORD, number="8", day=9)
    store.add_tls(TLS, origin="", received=0, sender=None)
    assert store.prune(9) == Pruned(2, 2)
    assert store.days("example.org", ALL) == (DayRow(9, 2, 0, 0, 0),)
    octets = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"203.0.113.9" not in octets


@pytest.mark.parametrize("version", range(len(VERSIONS) + 1))
def test_the_tables_go_up_and_down_with_what_both_hold(tmp_path: Path, version: int) -> None:
    with SqliteReceived(tmp_path / "reports.db") as store:
        add(store, RECORD)
        store.migrate(version)
        assert store.version == version
        store.migrate(len(VERSIONS))
        kept = store.days("example.org", ALL)
        assert kept == ((DayRow(0, 2, 0, 0, 0),) if version else ())


def test_a_writer_is_waited_for_so_long(
    store: ReceivedTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_sqlite, "_SECONDS", 0.01)
    with store._transaction(), pytest.raises(StoreError, match="locked"):
        SqliteReceived(tmp_path / "reports.db")


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with SqliteReceived(tmp_path / "reports.db") as store:
        store._execute(f"PRAGMA user_version = {len(VERSIONS) + 1}")
    with pytest.raises(StoreError, match="use the newer program"):
        SqliteReceived(tmp_path / "reports.db")


def test_a_file_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        SqliteReceived(tmp_path / "none.db", make=False)
    assert not (tmp_path / "none.db").exists()


def test_a_report_that_another_process_added_meanwhile_is_known(
    store: ReceivedTables, tmp_path: Path
) -> None:
    with SqliteReceived(tmp_path / "reports.db") as other:
        assert not store.known("aggregate", "big", "7", "example.org")
        add(other, RECORD)
    with pytest.raises(KnownReport):
        add(store, RECORD)
    add(store, RECORD, number="8")  # the store goes on
    assert store.known("aggregate", "big", "8", "example.org")


@pytest.mark.parametrize("version", [0, 1, 2])
def test_nothing_is_made_in_a_database_of_something_else(tmp_path: Path, version: int) -> None:
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE event (at INTEGER)")
        made.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="a database of something else"):
        SqliteReceived(path)
    assert path.read_bytes() == before


def test_a_store_without_a_name_is_refused() -> None:
    with pytest.raises(StoreError, match="name a file"):
        SqliteReceived("")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("{}/none/r.db", "there is no directory", id="no-directory"),
        pytest.param("{}/text", "it is no SQLite database", id="no-database"),
        pytest.param("clickhouse://host/x", "an SQLite file, or postgresql://", id="no-such-store"),
    ],
)
def test_what_cannot_be_opened_says_what_helps(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "text").write_text("no database at all, but some lines of text\n" * 100)
    with pytest.raises(StoreError, match=why):
        open_received(name.format(tmp_path))
