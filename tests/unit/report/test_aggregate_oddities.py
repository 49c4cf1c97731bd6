"""What is odd about reports is told, whatever way their records are read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.aggregates import METADATA, POLICY, RECORD

from avowal.report import aggregate_oddities as oddities
from avowal.report.aggregate import (
    AggregateReport,
    Aligned,
    DkimAuthResult,
    OverrideType,
    PolicyOverrideReason,
    Record,
    Result,
)
from avowal.report.aggregate_reader import read_aggregate
from avowal.report.aggregate_xml import write_aggregate

DAY = 86_400
PASSED = replace(RECORD, dkim=Aligned.PASS, spf=Aligned.FAIL, reasons=(), dkim_results=())
FAILED = replace(PASSED, dkim=Aligned.FAIL)
REASON = PolicyOverrideReason(type=OverrideType.LOCAL_POLICY, comment="arc=fail")
SIGNED = DkimAuthResult(domain="example.org", selector="s", result=Result.PASS)


@pytest.mark.parametrize(
    ("record", "found"),
    [
        pytest.param(PASSED, {}, id="nothing"),
        pytest.param(replace(PASSED, dkim_results=(SIGNED,)), {}, id="a-selector"),
        pytest.param(
            replace(PASSED, dkim_results=(SIGNED, replace(SIGNED, selector=None))),
            {oddities.NO_SELECTOR: 1},
            id="one-result-without-selector",
        ),
        pytest.param(
            replace(PASSED, reasons=(REASON,)), {oddities.NO_OVERRIDE: 1}, id="reason-and-pass"
        ),
        pytest.param(replace(FAILED, reasons=(REASON,)), {}, id="reason-and-fail"),
    ],
)
def test_a_record_is_odd_by_what_it_says(record: Record, found: dict[str, int]) -> None:
    assert oddities.of_records([record]) == found


@pytest.mark.parametrize(
    ("begin", "end", "found"),
    [
        pytest.param(7 * DAY, 8 * DAY - 1, (), id="a-day"),
        pytest.param(7 * DAY, 8 * DAY, (), id="a-day-and-the-second-behind-it"),
        pytest.param(7 * DAY, 7 * DAY, (), id="a-second"),
        pytest.param(7 * DAY + 9, 8 * DAY + 9, (oddities.NO_UTC_DAY,), id="24-hours"),
        pytest.param(7 * DAY, 9 * DAY - 1, (oddities.LONG_PERIOD,), id="two-days"),
    ],
)
def test_a_period_is_a_day_of_utc(begin: int, end: int, found: tuple[str, ...]) -> None:
    assert oddities.of_period(replace(METADATA, begin=begin, end=end)) == found


@pytest.mark.parametrize("plain", [True, False], ids=["read-directly", "read-by-expat"])
def test_a_reader_tells_what_is_odd(*, plain: bool) -> None:
    records = (replace(PASSED, reasons=(REASON,), dkim_results=(SIGNED,)), FAILED)
    metadata = replace(METADATA, begin=7 * DAY + 9, end=8 * DAY + 9)
    octets = write_aggregate(AggregateReport(metadata=metadata, policy=POLICY, records=records))
    octets = octets.replace(b"      <selector>s</selector>\n", b"").replace(
        b"        <selector>s</selector>\n", b""
    )
    octets = octets if plain else octets.replace(b"<record>", b"<!-- --><record>")
    reading = read_aggregate(octets)
    assert dict(reading.notes) == {
        oddities.NO_SELECTOR: 1,
        oddities.NO_OVERRIDE: 1,
        oddities.NO_UTC_DAY: 1,
    }
    assert len(reading.report.records) == 2
