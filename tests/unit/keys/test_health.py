"""Pass shares with their intervals, and what makes a rotation go back."""

from __future__ import annotations

import pytest
from tests.rotating import Course, changing_course

from avowal.keys.health import Comparison, Share, falls, fell, shares_of
from avowal.keys.lifecycle import PassShare

TODAY = 1_800_000_000 // 86_400


def rows(selector: str, receiver: str, passed: int, failed: int, day: int = TODAY) -> PassShare:
    return PassShare(
        domain="example.com",
        selector=selector,
        receiver=receiver,
        day=day,
        passed=passed,
        failed=failed,
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param((9900, 100), (400, 500), True, id="half of it fails"),
        pytest.param((9900, 100), (0, 99), False, id="too little to say"),
        pytest.param((90, 1), (0, 900), False, id="too little before"),
        pytest.param((9900, 100), (9850, 150), False, id="too small a drop to matter"),
        pytest.param((95, 5), (88, 12), False, id="chance explains it"),
        pytest.param((9500, 500), (9900, 100), False, id="it rose"),
    ],
)
def test_a_share_falls_by_more_than_chance(
    before: tuple[int, int], after: tuple[int, int], expected: bool
) -> None:
    old, new = (Share(passed=passed, failed=failed) for passed, failed in (before, after))
    assert fell(old, new, Comparison()) is expected


def test_rows_are_summed_by_receiver_and_from_a_day_on() -> None:
    found = shares_of(
        [
            rows("sb", "a.example", 1, 2, TODAY - 1),
            rows("SB", "a.example", 10, 20),
            rows("sb", "a.example", 100, 200, TODAY + 1),
            rows("sa", "a.example", 7, 7),
        ],
        "sb",
        TODAY,
    )
    assert found == {"a.example": Share(passed=110, failed=220)}


@pytest.fixture(scope="module")
def course() -> Course:
    return changing_course()


def test_a_large_receiver_that_fails_the_new_key_is_named_with_its_figures(course: Course) -> None:
    reported = [
        rows("sa", "big.example", 9920, 80, TODAY - 3),
        rows("sb", "big.example", 412, 488),
        rows("sa", "other.example", 9920, 80, TODAY - 3),
        rows("sb", "other.example", 990, 10),
    ]
    (found,) = falls(course.rotation, reported)
    assert found.receiver == "big.example"
    assert found.evidence == (
        "passed 412 of 900 (45.8%; 40.4% to 51.3%) of the messages that sb signed since"
        " 2027-01-15, and 9,920 of 10,000 (99.2%; 98.8% to 99.4%) of those that sa signed"
    )


def test_a_small_receiver_moves_nothing(course: Course) -> None:
    reported = [
        rows("sa", "small.example", 500, 0),
        rows("sb", "small.example", 0, 150),
        rows("sb", "big.example", 100_000, 0),
    ]
    assert falls(course.rotation, reported) == ()


def test_a_receiver_that_never_saw_the_old_key_moves_nothing(course: Course) -> None:
    assert falls(course.rotation, [rows("sb", "new.example", 0, 5000)]) == ()


def test_the_worst_fall_rolls_the_rotation_back() -> None:
    course = changing_course()
    reported = [rows("sa", "big.example", 9920, 80), rows("sb", "big.example", 412, 488)]
    for found in falls(course.rotation, reported):
        course.take(found)
    assert course.signing == "sa"
    assert "big.example: passed 412 of 900" in course.troubles()
    assert falls(course.rotation, reported) == ()
