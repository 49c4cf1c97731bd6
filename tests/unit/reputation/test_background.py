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
        self.let.wait(10)
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
