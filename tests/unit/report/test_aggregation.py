"""From counts of a day to reports: one per policy domain and configuration, the same each time."""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from tests.event_stores import DAY_0, some_events

from avowal.cli.report_files import Making, made_reports
from avowal.dates import DAY
from avowal.message import Message
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_mail import AggregateMail, file_name
from avowal.report.aggregate_xml import write_aggregate, write_compressed
from avowal.report.aggregation import Reporter, aggregate_reports
from avowal.report.event import EventKey, EventPolicy, EventSignature, digest, split_source
from avowal.report.event_store import counted

US = Reporter(organization="Example", domain="r.example", email="dmarc@r.example")
KEY = EventKey(
    source="192.0.2.1",
    author="news.a.example",
    action="accept",
    policy=EventPolicy("a.example", p="reject", wants_reports=True),
    dmarc="fail",
    asked="reject",
    disposition="none",
    dkim=(
        EventSignature("a.example", "s1", "fail", "body-hash"),
        EventSignature("a.example", None, "neutral", "signature-syntax"),
    ),
)


def made(counts: Iterable[tuple[EventKey, int]]) -> list[AggregateReport]:
    return list(aggregate_reports(counts, DAY_0, US))


def but(**changes: object) -> EventKey:
    return msgspec.structs.replace(KEY, **changes)


def test_a_report_counts_what_came() -> None:
    (report,) = made([(KEY, 7)])
    (record,) = report.records
    assert (record.count, record.header_from, record.source_ip) == (
        7,
        "news.a.example",
        "192.0.2.1",
    )
    assert (report.policy.domain, report.policy.p) == ("a.example", "reject")
    assert (report.metadata.begin, report.metadata.end) == (DAY_0 * DAY, DAY_0 * DAY + 86399)


def test_a_signature_without_a_selector_is_told_nowhere() -> None:
    (report,) = made([(KEY, 1)])
    told = report.records[0].dkim_results
    assert [(one.selector, one.human_result) for one in told] == [
        ("s1", "the body is not the one that was signed")
    ]


def test_what_a_report_does_not_tell_is_counted_together() -> None:
    (report,) = made([(KEY, 2), (but(arc="fail"), 3), (but(action="tag"), 4)])
    assert [record.count for record in report.records] == [9]


def test_each_configuration_has_a_report_of_its_own() -> None:
    other = but(policy=EventPolicy("a.example", p="none", wants_reports=True))
    reports = made([(KEY, 1), (other, 2)])
    assert sorted(str(report.policy.p) for report in reports) == ["none", "reject"]
    assert len({report.key for report in reports}) == 2


def test_a_record_without_p_is_p_none() -> None:
    (report,) = made([(but(policy=EventPolicy("a.example", wants_reports=True)), 1)])
    assert report.policy.p == "none"


def flood(number: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[AggregateReport], list[str]]:
    """The reports about a domain in whose name so many kinds came, and what a person is told."""
    monkeypatch.setattr("avowal.report.aggregation.MOST_ROWS", 10)
    monkeypatch.setattr("avowal.report.aggregation.MOST_REPORTS", 3)
    told: list[str] = []
    flooded = [(but(source=f"192.0.2.{n}"), 2) for n in range(number)]
    other = but(author="b.example", policy=EventPolicy("b.example", p="none", wants_reports=True))
    found = aggregate_reports([*flooded, (other, 1)], DAY_0, US, tell=told.append)
    return list(found), told


def test_more_kinds_than_a_report_tells_are_told_in_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 9990 §3.5.1: each has a Report-ID of its own; nothing is lost, nothing twice."""
    reports, told = flood(25, monkeypatch)
    parts = [one for one in reports if one.policy.domain == "a.example"]
    assert [len(one.records) for one in parts] == [10, 10, 5]
    assert sum(one.messages for one in parts) == 50
    assert len({record.source_ip for one in parts for record in one.records}) == 25
    assert len({one.metadata.report_id for one in parts}) == 3
    assert len({file_name(one, US) for one in parts}) == 3
    assert parts[1].metadata.errors == ("part 2 of several: a report tells of 10 kinds at most",)
    assert told == ["a.example: 3 reports about one day, 10 kinds each at most"]
    assert [one.policy.domain for one in reports].count("b.example") == 1


def test_what_no_report_tells_stands_in_the_error_of_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 9990 §3.1.5."""
    reports, told = flood(37, monkeypatch)
    parts = [one for one in reports if one.policy.domain == "a.example"]
    assert [len(one.records) for one in parts] == [10, 10, 10]
    left = "14 messages of 7 further kinds are not told: a domain gets 3 reports of a day at most"
    assert [left in one.metadata.errors for one in parts] == [False, False, True]
    assert told == [f"a.example: 3 reports about one day, 10 kinds each at most; {left}"]
    assert left.encode() in write_aggregate(parts[2])


def test_a_report_that_is_told_alone_has_its_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_), _ = flood(25, monkeypatch)
    (whole,) = made([(but(source="192.0.2.1"), 1)])
    assert first.metadata.report_id == whole.metadata.report_id
    assert whole.metadata.errors == ()


def test_where_nothing_came_but_reports_none_is_made() -> None:
    assert made([(but(report_mail=True), 1)]) == []
    (report,) = made([(but(report_mail=True), 1), (but(source="192.0.2.2"), 1)])
    assert report.messages == 2


def test_every_message_that_is_asked_about_is_counted_once() -> None:
    events = some_events(2000)
    counts = counted(events)[DAY_0]
    ordered = sorted(counts.items(), key=lambda one: str(one[0].author))
    reported = Counter(
        event.key.author for event in events if event.time // DAY == DAY_0 and event.key.is_reported
    )
    found: Counter[str | None] = Counter()
    for report in made(ordered):
        found[report.policy.domain] += report.messages
    assert found == reported


def test_the_same_counts_in_any_order_are_the_same_octets() -> None:
    counts = [(but(source=f"192.0.2.{n}"), n + 1) for n in range(50)]
    first = [write_compressed(report) for report in made(counts)]
    random.Random(1).shuffle(counts)
    assert [write_compressed(report) for report in made(counts)] == first


@pytest.mark.parametrize("most", [7, 100_000])
@pytest.mark.parametrize("at_once", [3, 50_000])
def test_kinds_that_are_read_once_for_all_their_addresses_make_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, at_once: int
) -> None:
    monkeypatch.setattr("avowal.report.aggregation.MOST_ROWS", most)
    monkeypatch.setattr("avowal.cli.report_files._MOST_OF_A_DOMAIN", at_once)
    counts = counted(some_events(1500))[DAY_0]
    keys = sorted(counts, key=lambda key: (str(key.policy_domain), digest(key.octets())))
    expected = {
        file_name(one, US): write_compressed(one) for one in made((k, counts[k]) for k in keys)
    }
    rows = ((key.policy_domain or "", key.octets(), counts[key]) for key in keys)
    making = Making(day=DAY_0, reporter=US, directory=str(tmp_path))
    told = list(made_reports(rows, making, 1))
    if most > at_once:  # otherwise which kinds are in which part depends on their order
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == expected
    assert {one.file for one in told} == set(expected)
    assert sum(one.messages for one in told) == sum(n for k, n in counts.items() if k.is_reported)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(None, id="none"),
        pytest.param("192.0.2.1", id="IPv4"),
        pytest.param("2001:db8::1", id="IPv6"),
        pytest.param('a"b', id="a quote"),
        pytest.param("a\\", id="a backslash"),
        pytest.param("\x01", id="a control character"),
    ],
)
def test_the_address_of_a_kind_is_split_off(source: str | None) -> None:
    octets = but(source=source).octets()
    found, rest = split_source(octets)
    assert found == (source or "")
    assert (rest == split_source(KEY.octets())[1]) is (source in {"192.0.2.1", "2001:db8::1"})
    assert rest != split_source(but(source=source, arc="pass").octets())[1]


def test_what_is_written_has_the_names_of_rfc_9990() -> None:
    (report,) = made([(KEY, 7)])
    octets = write_aggregate(report)
    assert b"<count>7</count>" in octets
    assert b"<disposition>none</disposition>" in octets
    name = file_name(report, US)
    begin = DAY_0 * DAY
    assert re.fullmatch(
        rf"r\.example!a\.example!{begin}!{begin + 86399}!{report.metadata.report_id}\.xml\.gz", name
    )
    assert re.fullmatch(r"[0-9A-Za-z]+", report.metadata.report_id)


def mail(recipient: str = "d@a.example") -> AggregateMail:
    (report,) = made([(KEY, 7)])
    return AggregateMail(
        name=file_name(report, US),
        report_id=report.metadata.report_id,
        domain="a.example",
        recipient=recipient,
        packed=write_compressed(report),
    )


def test_a_mail_has_the_subject_and_the_attachment_that_are_prescribed() -> None:
    message = Message.parse(mail().octets(US, date=0))
    (subject,) = message.header.named(b"subject")
    words = b" ".join(subject.value.split()).decode()
    assert re.fullmatch(r"Report Domain: a\.example Submitter: r\.example Report-ID: \w+", words)
    import email

    parsed = email.message_from_bytes(mail().octets(US, date=0))
    _, attached = parsed.get_payload()  # type: ignore[misc]
    assert attached.get_content_type() == "application/gzip"
    assert attached.get_filename() == mail().name
    assert gzip.decompress(attached.get_payload(decode=True)).startswith(b"<?xml")


def test_a_mail_sent_again_is_the_same() -> None:
    assert mail().octets(US, date=5) == mail().octets(US, date=5)
    one, other = mail("a@x.example").octets(US, date=5), mail("b@x.example").octets(US, date=5)
    ids = [Message.parse(octets).header.named(b"message-id")[0].value for octets in (one, other)]
    assert ids[0] != ids[1]
