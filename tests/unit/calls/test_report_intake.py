"""Reports from files and mails into a store."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aggregates import METADATA, RECORD, REPORT, with_records
from tests.bombs import gzip_bomb
from tests.reportmails import HEAD, attached, feedback

from avowal.calls.report_intake import Intake, ReportIntake
from avowal.calls.report_sources import report_sources
from avowal.dates import DAY
from avowal.report.aggregate_xml import write_aggregate, write_compressed
from avowal.report.received import Period
from avowal.stores import received_copies
from avowal.stores.received_sqlite import SqliteReceived

XML = write_aggregate(REPORT)
PACKED = write_compressed(REPORT)
TLS = (
    b'{"organization-name":"S","report-id":"t","date-range":{"start-datetime":"1970-01-01",'
    b'"end-datetime":"1970-01-02"},"policies":[{"policy":{"policy-type":"sts","policy-domain":'
    b'"example.org"},"summary":{"total-successful-session-count":3}}]}'
)


NOW = 1_790_000_000.0  # later than every report here


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteReceived]:
    with SqliteReceived(tmp_path / "reports.db") as made:
        yield made


def taken(store: SqliteReceived, octets: bytes) -> list[Intake]:
    intake = ReportIntake(store, now=lambda: NOW)
    file = io.BufferedReader(io.BytesIO(octets))
    sources = report_sources(file, "x", progress=lambda _: None)
    return [intake.take(source) for source in sources]


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        pytest.param(XML, [("kept", "aggregate", 2)], id="xml"),
        pytest.param(PACKED, [("kept", "aggregate", 2)], id="gzip"),
        pytest.param(TLS, [("kept", "tls", 3)], id="tls"),
        pytest.param(gzip.compress(TLS), [("kept", "tls", 3)], id="tls-gzip"),
        pytest.param(attached(PACKED), [("kept", "aggregate", 2)], id="mail"),
        pytest.param(feedback(), [("kept", "failure", 1)], id="failure"),
        pytest.param(HEAD + b"\r\nHello\r\n", [("nothing", None, 0)], id="other-mail"),
        pytest.param(
            HEAD
            + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
            b"--b\r\n\r\nNo such user.\r\n--b--\r\n",
            [("nothing", None, 0)],
            id="a-bounce",
        ),
        pytest.param(
            b"From x\n" + attached(PACKED) + b"\nFrom y\n" + attached(PACKED) + b"\n",
            [("kept", "aggregate", 2), ("copy", "aggregate", 0)],
            id="mbox",
        ),
        pytest.param(
            gzip.compress(b"From x\n" + feedback() + b"\nFrom y\n" + HEAD + b"\n\n"),
            [("kept", "failure", 1)],
            id="mbox-gzip",
        ),
        pytest.param(PACKED[:-9], [("kept", "aggregate", 2)], id="gzip-ends-early"),
        pytest.param(PACKED[:30], [("refused", None, 0)], id="gzip-ends-at-once"),
        pytest.param(gzip_bomb(64 << 20), [("refused", None, 0)], id="bomb"),
        pytest.param(attached(gzip_bomb(64 << 20)), [("refused", None, 0)], id="bomb-in-a-mail"),
        pytest.param(b"<html></html>", [("refused", None, 0)], id="other-xml"),
        pytest.param(b'{"a": 1}', [("refused", None, 0)], id="other-json"),
    ],
)
def test_reports_are_taken_from(
    store: SqliteReceived, octets: bytes, found: list[tuple[str, str | None, int]]
) -> None:
    assert [(one.word, one.kind, one.messages) for one in taken(store, octets)] == found


def test_a_refusal_says_why_and_keeps_nothing(store: SqliteReceived) -> None:
    (found,) = taken(store, XML.replace(b"<row>", b"<row>" + b"<x>" * 30))
    assert found.why == "elements more than 16 deep"
    assert store.domains() == ()


def under_one_id(*counts: int, begin: int = METADATA.begin, damage: int = 0) -> bytes:
    """Return a report with one id: a row for each count."""
    rows = [replace(RECORD, count=n, source_ip=f"192.0.2.{k}") for k, n in enumerate(counts)]
    whole = with_records(*rows)
    times = replace(whole.metadata, begin=begin, end=begin + DAY - 1)
    octets = write_aggregate(replace(whole, metadata=times))
    return octets[: len(octets) - damage]


@pytest.mark.parametrize(
    ("second", "words", "messages"),
    [
        pytest.param(under_one_id(3, 4), ["kept", "copy"], 7, id="the same again"),
        pytest.param(under_one_id(3, 4, damage=20), ["kept", "copy"], 7, id="the same, cut off"),
        pytest.param(under_one_id(9), ["kept", "kept"], 16, id="other messages of the same day"),
        pytest.param(
            under_one_id(3, 4, begin=METADATA.begin + DAY), ["kept", "kept"], 14,
            id="the same rows of another day",
        ),
    ],
)  # fmt: skip
def test_of_reports_with_one_id_a_copy_is_what_says_the_same(
    store: SqliteReceived, second: bytes, words: list[str], messages: int
) -> None:
    found = [taken(store, octets)[0].word for octets in (under_one_id(3, 4), second)]
    assert found == words
    for octets in (under_one_id(3, 4), second):  # all are read once more
        assert taken(store, octets)[0].word == "copy"
    (domain,) = store.domains()
    (reporter,) = store.reporters(domain, Period(0, 10**6))
    assert reporter.messages == messages
    assert reporter.copies == 2 + words.count("copy")


def test_a_report_that_was_cut_off_stays_the_only_one_of_its_id(store: SqliteReceived) -> None:
    assert taken(store, under_one_id(3, 4, damage=20))[0].word == "kept"
    assert taken(store, under_one_id(3, 4))[0].word == "copy"


def test_an_id_that_is_used_again_is_told(store: SqliteReceived) -> None:
    taken(store, under_one_id(1))
    (found,) = taken(store, under_one_id(2))
    assert "its id is used again: what is in 2 differs" in found.problems


def test_so_many_reports_are_kept_under_one_id(
    store: SqliteReceived, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_copies, "MOST_UNDER_ONE_ID", 2)
    words = [taken(store, under_one_id(count))[0].word for count in (1, 2, 3)]
    assert words == ["kept", "kept", "refused"]


def test_a_pipe_is_read(store: SqliteReceived) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(PACKED)
    with os.fdopen(reading, "rb") as file:
        (source,) = report_sources(file, "x", progress=lambda _: None)
    assert source.file is not None


def test_who_sent_a_mail_is_kept(store: SqliteReceived) -> None:
    intake = ReportIntake(store, sender=lambda mail: "mail.example" if mail else "")
    sources = report_sources(io.BytesIO(attached(PACKED)), "x", progress=lambda _: None)
    assert [intake.take(source).sender for source in sources] == ["mail.example"]


def test_broken_xml_is_kept_with_its_problems(store: SqliteReceived) -> None:
    (found,) = taken(store, XML.replace(b"</feedback>", b""))
    assert (found.word, found.records, found.damaged) == ("kept", 1, True)
    assert "the XML is broken" in found.problems[0]


def test_a_report_that_another_process_adds_between_question_and_adding_is_a_copy(
    store: SqliteReceived, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(store, XML)
    known, early = store.known, [False]
    monkeypatch.setattr(store, "known", lambda *key: early.pop() if early else known(*key))
    assert [one.word for one in taken(store, XML)] == ["copy"]


@pytest.mark.parametrize("member", [b'"S"', b'"t"', b'"sts"'])
def test_a_lone_surrogate_in_json_is_stored_as_a_replacement(
    store: SqliteReceived, member: bytes
) -> None:
    octets = TLS.replace(member, member[:-1] + b'\\ud800"')
    assert [one.word for one in taken(store, octets)] == ["kept"]


@pytest.mark.parametrize("octets", [XML, TLS], ids=["aggregate", "tls"])
def test_a_report_of_days_to_come_is_refused(store: SqliteReceived, octets: bytes) -> None:
    file = io.BufferedReader(io.BytesIO(octets))
    (source,) = report_sources(file, "x", progress=lambda _: None)
    found = ReportIntake(store, now=lambda: -3 * 86400.0).take(source)
    assert (found.word, "still to come" in (found.why or "")) == ("refused", True)


@pytest.mark.parametrize("octets", [XML, TLS], ids=["aggregate", "tls"])
@pytest.mark.parametrize(
    "name",
    [b"no domain", b"a..b", b"a" * 64 + b".example", b"-"],
    ids=["a-space", "empty-label", "long-label", "hyphen"],
)
def test_a_report_about_what_is_no_domain_is_refused(
    store: SqliteReceived, octets: bytes, name: bytes
) -> None:
    about = octets.replace(b"example.org", name)
    file = io.BufferedReader(io.BytesIO(about))
    (source,) = report_sources(file, "x", progress=lambda _: None)
    found = ReportIntake(store).take(source)
    assert found.word == "refused"
    assert "which is no domain" in found.why
    assert store.domains() == ()


def test_a_lone_surrogate_in_a_domain_makes_it_none(store: SqliteReceived) -> None:
    octets = TLS.replace(b'"example.org"', b'"example.org\\ud800"')
    assert [one.word for one in taken(store, octets)] == ["refused"]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(HEAD + b"\r\nHello\r\n", "no part of it is a file or a report (text/plain)",
                     id="a-letter"),
        pytest.param(HEAD + b"\r\n\r\n", "the mail has no body", id="no-body"),
        pytest.param(
            attached(b"no report"), "r.xml.gz begins as neither XML nor JSON, gzip nor zip",
            id="another-file",
        ),
        pytest.param(attached(b""), "r.xml.gz is empty", id="an-empty-file"),
        pytest.param(
            attached(PACKED)[: attached(PACKED).index(b"--b")],
            "a multipart without its parts: the mail is cut, or its boundary is another",
            id="a-cut-mail",
        ),
        pytest.param(
            b"From x\n" + HEAD + b"\r\nHello\r\n\nFrom y\n" + HEAD + b"\r\nHello\r\n",
            "none of its 2 mails has one (the first: no part of it is a file or a report"
            " (text/plain))",
            id="a-mailbox",
        ),
    ],
)  # fmt: skip
def test_a_file_without_a_report_says_why(store: SqliteReceived, octets: bytes, why: str) -> None:
    assert [(one.word, one.why) for one in taken(store, octets)] == [("nothing", why)]
