"""Every limit has a default, a unit and a source."""

from __future__ import annotations

import pytest

from avowal.limits import DEFAULT, Limits, table


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_a_limit_says_where_it_comes_from(row: tuple[str, int, str, str]) -> None:
    name, default, unit, source = row
    assert default == getattr(DEFAULT, name) > 0
    assert unit
    assert source


def test_one_limit_can_be_changed_alone() -> None:
    assert Limits(tags=3).signatures_parsed == DEFAULT.signatures_parsed
