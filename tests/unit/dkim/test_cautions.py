"""The tables of warnings: every warning has one row."""

from __future__ import annotations

from avowal import Caution
from avowal.dkim import cautions

# Of the body and the header at once: `Signer.warnings`.
ELSEWHERE = {Caution.EIGHT_BIT}


def test_each_warning_has_one_row() -> None:
    rows = [
        row[0] for table in (cautions.HEADER, cautions.SIGNATURE, cautions.KEY) for row in table
    ]
    assert len(rows) == len(set(rows))
    assert set(Caution) - set(rows) == ELSEWHERE
