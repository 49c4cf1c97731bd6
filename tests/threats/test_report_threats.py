"""What strangers may try with the reports that they send (RFC 9990 §8, RFC 6591 §8)."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from tests.aggregates import REPORT
from tests.bombs import gzip_bomb, zipped
from tests.reportmails import attached

from avowal.calls.report_intake import Intake, ReportIntake
from avowal.calls.report_sources import report_sources
from avowal.report.aggregate_xml import write_aggregate, write_compressed
from avowal.stores.received_sqlite import SqliteReceived

XML = write_aggregate(REPORT)
LAUGHS = (
    b'<!DOCTYPE f [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
DECLARED = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def taken(folder: Path, *files: bytes) -> list[Intake]:
    with SqliteReceived(folder / "reports.db") as store:
        intake = ReportIntake(store)
        return [
            intake.take(source)
            for octets in files
            for source in report_sources(
                io.BufferedReader(io.BytesIO(octets)), "x", progress=lambda _: None
            )
        ]


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(XML.replace(DECLARED, DECLARED + LAUGHS), id="billion-laughs"),
        pytest.param(
            XML.replace(DECLARED, DECLARED + b'<!DOCTYPE f SYSTEM "http://tracker.example/">'),
            id="external-document-type",
        ),
        pytest.param(gzip_bomb(1 << 30), id="bomb"),
        pytest.param(attached(gzip_bomb(1 << 30)), id="bomb-in-a-mail"),
        pytest.param(zipped(("a.xml.gz", gzip.compress(XML))), id="nest"),
        pytest.param(XML.replace(b"<row>", b"<row>" * 200), id="depth"),
    ],
)
def test_what_would_cost_without_measure_is_refused_with_a_reason(
    tmp_path: Path, octets: bytes
) -> None:
    (found,) = taken(tmp_path, octets)
    assert found.word == "refused"
    assert found.why


def test_a_report_that_comes_a_thousand_times_counts_once(tmp_path: Path) -> None:
    found = taken(tmp_path, *[write_compressed(REPORT)] * 20)
    assert [one.word for one in found] == ["kept", *["copy"] * 19]


def test_a_report_of_somebody_else_s_name_cannot_replace_what_is_there(tmp_path: Path) -> None:
    forged = XML.replace(b"<count>2<", b"<count>2000000<")
    kept, other = taken(tmp_path, XML, forged)
    assert (kept.word, kept.messages) == ("kept", 2)
    assert other.problems == ("its id is used again: what is in 2 differs",)  # RFC 9990 §3.5.4
    assert [one.word for one in taken(tmp_path, XML)] == ["copy"]  # it is there as it was
