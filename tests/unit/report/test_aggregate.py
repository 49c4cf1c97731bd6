"""Aggregate reports as values (RFC 9990)."""

from __future__ import annotations

import pytest

from avowal.report.aggregate import (
    MOST_DKIM_RESULTS,
    AggregateReport,
    Aligned,
    Disposition,
    DkimAuthResult,
    PolicyPublished,
    Record,
    ReportMetadata,
    Result,
    preferred,
)


def record(dkim: Aligned | None, spf: Aligned | None, count: int = 1) -> Record:
    return Record(
        source_ip="192.0.2.1", count=count, disposition=Disposition.NONE, dkim=dkim, spf=spf,
        header_from="example.org",
    )  # fmt: skip


def report(org: str, number: str, domain: str) -> AggregateReport:
    metadata = ReportMetadata(org_name=org, email="a@example.net", report_id=number, begin=0, end=1)
    records = (record(None, None, 2), record(None, None, 3))
    return AggregateReport(
        metadata=metadata, policy=PolicyPublished(domain=domain), records=records
    )


@pytest.mark.parametrize(
    ("dkim", "spf", "passed"),
    [
        pytest.param(Aligned.PASS, Aligned.FAIL, True, id="dkim"),
        pytest.param(Aligned.FAIL, Aligned.PASS, True, id="spf"),
        pytest.param(Aligned.FAIL, Aligned.FAIL, False, id="neither"),
        pytest.param(None, None, False, id="not-told"),
    ],
)
def test_messages_pass_by_either_mechanism(
    dkim: Aligned | None, spf: Aligned | None, passed: bool
) -> None:
    assert record(dkim, spf).passed is passed


def test_copies_of_a_report_have_one_key() -> None:
    assert report("Example", "7", "Example.ORG").key == report("example ", "7", "example.org").key


def test_report_ids_are_told_apart_by_case() -> None:
    assert report("e", "a", "example.org").key != report("e", "A", "example.org").key


def test_a_report_counts_the_messages_of_its_records() -> None:
    assert report("e", "a", "example.org").messages == 5


def test_the_most_telling_signatures_come_first() -> None:
    told = tuple(
        DkimAuthResult(domain=domain, selector="s", result=result)
        for domain, result in [
            ("a.example.org", Result.FAIL),
            ("esp.example", Result.PASS),
            ("example.org", Result.PASS),
            ("A.example.org", Result.PASS),
        ]
    )
    found = preferred(told, author="a.example.org", organization="example.org")
    assert [(one.domain, one.result) for one in found] == [
        ("A.example.org", "pass"),
        ("example.org", "pass"),
        ("esp.example", "pass"),
        ("a.example.org", "fail"),
    ]


def test_a_record_tells_of_so_many_signatures() -> None:
    one = DkimAuthResult(domain="example.org", selector="s", result=Result.PASS)
    told = (one,) * (MOST_DKIM_RESULTS + 1)
    kept = preferred(told, author="example.org", organization="example.org")
    assert len(kept) == MOST_DKIM_RESULTS
