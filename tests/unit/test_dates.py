"""Days as numbers."""

from __future__ import annotations

import pytest

from avowal.dates import DAY, LAST_SECOND, date_of


@pytest.mark.parametrize(
    ("day", "written"),
    [
        pytest.param(0, "1970-01-01", id="the-first"),
        pytest.param(-1, "1969-12-31", id="before-it"),
        pytest.param(20_786, "2026-11-29", id="today"),
        pytest.param(LAST_SECOND // DAY, "9999-12-31", id="the-last"),
        pytest.param(LAST_SECOND // DAY + 1, "day 2932897", id="beyond-it"),
        pytest.param(1 << 62, f"day {1 << 62}", id="far-beyond-it"),
    ],
)
def test_a_day_is_written_as_its_date(day: int, written: str) -> None:
    assert date_of(day) == written
