"""Plain records that are read without a parser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.aggregates import RECORD, with_records

from avowal.report import aggregate_plain
from avowal.report.aggregate_plain import PlainRecords
from avowal.report.aggregate_xml import write_aggregate


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate_plain, "_KEPT", 3)
    plain = PlainRecords(text_octets=9000, results=10)
    for domain in ("a", "b", "c", "d", "e" * 5000):
        text = write_aggregate(with_records(replace(RECORD, header_from=domain))).decode()
        assert plain.read(text, text.index("<record>")) is not None
        assert len(plain._identifiers) <= 3
    assert not any("eee" in section for section in plain._identifiers)
