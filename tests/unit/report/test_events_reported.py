"""Whatever comes in, its event can be told: written as a report and read back."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.threats.test_verdict_of_threats import EVIL, MESSAGES, NOW, REJECT
from tests.threats.test_verdict_of_threats import ZONE as THREATS

import avowal
from avowal.report.aggregate import Record
from avowal.report.aggregate_reader import read_aggregate
from avowal.report.aggregate_xml import write_aggregate
from avowal.report.aggregation import Reporter, aggregate_reports
from avowal.report.event import EventKey
from avowal.report.verdict_event import event_of
from avowal.testing import Zone

US = Reporter(organization="<R&D>", domain="r.example", email="dmarc@r.example")
RUA = {
    name: f"{text}; rua=mailto:d@{name.removeprefix('_dmarc.')}"
    for name, text in {**THREATS, **EVIL, **REJECT}.items()
    if name.startswith("_dmarc.") and isinstance(text, str) and text.startswith("v=DMARC1")
}


def key_of(octets: bytes, action: str) -> EventKey:
    found = avowal.authenticate(
        octets, resolver=Zone({**THREATS, **EVIL, **REJECT, **RUA}), now=NOW,
        client="2001:db8::1", mail_from="a@evil.example", helo="mx.evil.example",
    ).findings  # fmt: skip
    event = event_of(found, time=NOW, host="mx", client="2001:db8::1", action=action)
    return EventKey.of(event.key.octets())


def sums(records: tuple[Record, ...]) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for one in records:
        found[str(one.header_from), str(one.disposition), str(one.dkim)] += one.count
    return found


@pytest.mark.parametrize("octets", [pytest.param(row[1], id=row[0]) for row in MESSAGES])
@pytest.mark.parametrize("action", ["accept", "reject"])
def test_the_event_of_any_message_can_be_reported(octets: bytes, action: str) -> None:
    key = key_of(octets, action)
    reports = list(aggregate_reports([(key, 3)], NOW // 86400, US))
    assert len(reports) == key.is_reported
    for report in reports:
        back = read_aggregate(write_aggregate(report))
        assert sums(back.report.records) == sums(report.records)
        assert back.report.messages == 3
        assert not back.problems


def test_some_of_them_are_reported() -> None:
    keys = [key_of(row[1], "accept") for row in MESSAGES]
    assert sum(key.is_reported for key in keys) > len(keys) // 4
