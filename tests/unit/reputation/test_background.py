"""Slow assessors do not hold up mail: their answers count from the next message on."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from avowal.reputation.background import Background
from avowal.reputation.opinions import Assessment, Opinion, Subject

NOW = 1_800_000_000
EXAMPLE = Subject("example.com")


class Slow:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[Subject] = []
        self.let = threading.Event()

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        self.let.wait(60)
        self.asked += subjects
        return Assessment(
            opinions=tuple(
                Opinion(rater="slow", subject=s, assertion="spam", rating=0.9) for s in subjects
            )
        )

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        raise AssertionError("it is asked in a thread")


def test_the_first_message_does_not_wait_and_the_next_one_knows() -> None:
    slow = Slow()
    background = Background(slow)
    assert background.assess([EXAMPLE], now=NOW) == Assessment()
    slow.let.set()
    background.settle()
    assert background.assess([EXAMPLE], now=NOW + 1).rating("spam") == 0.9


def test_a_subject_is_asked_about_once_while_its_answer_is_kept() -> None:
    slow = Slow()
    slow.let.set()
    background = Background(slow, lifetime=60)
    for later in (0, 0, 30, 90):
        background.assess([EXAMPLE], now=NOW + later)
        background.settle()
    assert slow.asked == [EXAMPLE, EXAMPLE]


async def test_asynchronous_callers_do_not_wait_either() -> None:
    assert await Background(Slow()).aassess([EXAMPLE], now=NOW) == Assessment()


def test_subjects_beyond_the_limit_are_asked_about_when_they_come_again() -> None:
    slow = Slow()
    background = Background(slow)
    background.assess([Subject(f"d{n}.example") for n in range(1100)], now=NOW)
    slow.let.set()
    background.settle()
    assert 1000 <= len(slow.asked) <= 1001
    last = Subject("d1099.example")
    background.assess([last], now=NOW)
    background.settle()
    assert slow.asked[-1] == last


def test_what_is_known_of_subjects_is_bounded() -> None:
    slow = Slow()
    slow.let.set()
    background = Background(slow)
    for n in range(0, 10_500, 500):
        background.assess([Subject(f"d{m}.example") for m in range(n, n + 500)], now=NOW)
        background.settle()
    assert background.assess([Subject("d0.example")], now=NOW) == Assessment()  # forgotten
    assert background.assess([Subject("d10499.example")], now=NOW).opinions
