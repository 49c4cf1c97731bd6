"""Aggregate reports: what is written is read back, and both ways of reading agree."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.aggregates import REPORT, REPORTS, with_records

from avowal.report import aggregate_plain
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_oddities import of_period, of_records
from avowal.report.aggregate_reader import AggregateReader, Reading, read_aggregate
from avowal.report.aggregate_xml import write_aggregate
from avowal.report.arf import ReportFault


def parsed(octets: bytes) -> Reading | str:
    """What expat alone makes of the octets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregate_plain.PlainRecords, "read", lambda *_: None)
        return attempt(octets)


def attempt(octets: bytes) -> Reading | str:
    try:
        return read_aggregate(octets)
    except ReportFault as fault:
        return str(fault)


def in_order(report: AggregateReport) -> list[str]:
    return sorted(map(repr, report.records))


@settings(max_examples=30)
@given(REPORTS)
def test_what_is_written_is_read(report: AggregateReport) -> None:
    reading = read_aggregate(write_aggregate(report))
    assert (reading.problems, reading.lost, reading.damaged) == ((), 0, False)
    odd = of_records(report.records) + Counter(of_period(report.metadata))
    assert dict(reading.notes) == odd
    assert reading.report.metadata == report.metadata
    assert reading.report.policy == report.policy
    assert in_order(reading.report) == in_order(report)


@settings(max_examples=30)
@given(REPORTS)
def test_the_order_of_counting_changes_no_octet(report: AggregateReport) -> None:
    turned = AggregateReport(
        metadata=report.metadata, policy=report.policy, records=report.records[::-1]
    )
    assert write_aggregate(turned) == write_aggregate(report)


TWISTS = [
    (b"<dkim>", b"<dkim >"),
    (b"</domain>", b"</domain><!-- -->"),
    (b"</record>", b"</record><record/>"),
    (b"<row>", b"<row><x>1</x>"),
    (b"<spf>", b"<spf><![CDATA[x]]>"),
    (b"example", b"ex&#97;mple"),
    (b"<count>", b"<count>\r\n"),
    (b"<count>", b"<count>x"),
    (b"<count>", b"junk<count>"),
    (b"<result>", b"<result>X"),
    (b"</selector>", b"</selector><selector>s2</selector>"),
    (b"<identifiers>", b"<identifiers><envelope_to/>"),
    (b"\n", b""),
    (b"\n", b"\r\n"),
    (b"</row>", b"</raw>"),
    (b"</record>", b"</record>]]>"),
    (b"</record>", b"</record>\x00"),
    (b"org", b"\xff"),
    (b"<record>", b"<!-- <record> -->"),
    (b"<record>", b"<record xmlns='x'>"),
    (b"</record>", b"</record><?p <record> ?>"),
    (b"header_from", b"x:header_from"),
]


@given(
    REPORTS,
    st.lists(st.tuples(st.sampled_from(TWISTS), st.integers(1, 3)), max_size=3),
    st.integers(0, 400),
)
def test_records_read_directly_are_what_the_parser_reads(
    report: AggregateReport, twists: list[tuple[tuple[bytes, bytes], int]], cut: int
) -> None:
    octets = write_aggregate(report)
    for (plain, twisted), times in twists:
        octets = octets.replace(plain, twisted, times)
    octets = octets[: len(octets) - cut] if cut < 200 else octets
    assert attempt(octets) == parsed(octets)


@settings(max_examples=30)
@given(REPORTS, st.integers(1, 300))
def test_how_octets_are_cut_changes_nothing(report: AggregateReport, size: int) -> None:
    octets = write_aggregate(report)
    reader = AggregateReader()
    records = []
    for at in range(0, len(octets), size):
        records += reader.feed(octets[at : at + size])
    records += reader.finish()
    assert records == list(read_aggregate(octets).report.records)


def test_the_plain_form_is_read_directly() -> None:
    octets = write_aggregate(with_records(*REPORT.records * 3)).decode()
    plain = aggregate_plain.PlainRecords(text_octets=100, results=10)
    at, found = octets.index("<record>"), 0
    while (one := plain.read(octets, at)) is not None:
        found, at = found + 1, one[1]
    assert found == len(re.findall("<record>", octets)) == 3
