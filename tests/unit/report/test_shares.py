"""Shares of signatures that pass, and their intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.intervals import Interval, wilson
from avowal.report.shares import (
    Fall,
    Share,
    ShareRow,
    by_key,
    by_receiver,
    falls,
    fell,
)


@pytest.mark.parametrize(
    ("passed", "total", "low", "high"),
    [  # worked out by hand from Wilson's formula
        pytest.param(0, 0, 0.0, 1.0, id="nothing"),
        pytest.param(1, 1, 0.2065, 1.0, id="one"),
        pytest.param(0, 10, 0.0, 0.2775, id="none-of-ten"),
        pytest.param(5, 10, 0.2366, 0.7634, id="half-of-ten"),
        pytest.param(98, 100, 0.9300, 0.9945, id="98-of-100"),
    ],
)
def test_the_interval_is_wilsons(passed: int, total: int, low: float, high: float) -> None:
    assert wilson(passed, total) == pytest.approx(Interval(low, high), abs=1e-4)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_interval_holds_the_share_and_is_within_0_and_1(passed: int, failed: int) -> None:
    share = Share(passed, failed)
    if share.rate is not None:
        assert 0 <= share.interval.low <= share.rate <= share.interval.high <= 1


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(Share(1000, 0), Share(0, 100), True, id="broke"),
        pytest.param(Share(1000, 0), Share(9, 1), False, id="few-messages-say-little"),
        pytest.param(Share(10**6, 0), Share(995_000, 5_000), False, id="less-than-it-matters"),
        pytest.param(Share(0, 0), Share(0, 100), False, id="nothing-before"),
        pytest.param(Share(100, 0), Share(0, 0), False, id="nothing-after"),
        pytest.param(Share(500, 500), Share(1000, 0), False, id="better"),
    ],
)
def test_a_share_fell_where_chance_does_not_explain_it(
    before: Share, after: Share, expected: bool
) -> None:
    assert fell(before, after) is expected


ROWS = [
    ShareRow("example.org", "s1", "big.example", 1, 1000, 0),
    ShareRow("example.org", "s1", "big.example", 2, 1000, 0),
    ShareRow("example.org", "s1", "big.example", 3, 10, 900),
    ShareRow("example.org", "s1", "small.example", 3, 50, 0),
]


def test_rows_add_up_by_key_and_by_receiver() -> None:
    assert by_key(ROWS) == {("example.org", "s1"): Share(2060, 900)}
    assert by_receiver(ROWS)["example.org", "s1", "big.example"] == Share(2010, 900)


def test_a_key_that_fails_at_a_receiver_is_named_with_its_first_day() -> None:
    assert falls(ROWS, since=2) == [
        Fall("example.org", "s1", "big.example", 3, Share(1000, 0), Share(1010, 900))
    ]
    assert falls(ROWS, since=4) == []
