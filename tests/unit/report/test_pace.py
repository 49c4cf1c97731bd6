"""No destination gets a burst, and none waits for another."""

from __future__ import annotations

import threading

import pytest

from avowal.errors import PeerError
from avowal.report.pace import Dispatcher, Pace


def test_one_destination_gets_one_at_a_time_and_not_before_its_interval() -> None:
    pace: Pace[int] = Pace(10)
    for number in range(3):
        pace.put("a", number)
    assert pace.pick(0) == ("a", 0)
    assert pace.pick(20) is None  # the first is under way
    pace.left("a", 20)
    assert pace.pick(20) == ("a", 1)
    pace.left("a", 21)
    assert (pace.pick(25), pace.next_at()) == (None, 30)
    assert pace.pick(30) == ("a", 2)


def test_a_busy_destination_holds_up_no_other() -> None:
    pace: Pace[str] = Pace(60)
    for name in ("slow", "slow", "quick"):
        pace.put(name, name)
    assert [pace.pick(0), pace.pick(0), pace.pick(0)] == [
        ("slow", "slow"),
        ("quick", "quick"),
        None,
    ]


def test_destinations_take_turns() -> None:
    pace: Pace[int] = Pace(0)
    for number in range(2):
        pace.put("a", number)
        pace.put("b", number)
    order = []
    for now in range(4):
        taken = pace.pick(now)
        assert taken is not None
        order.append(taken[0])
        pace.left(taken[0], now)
    assert order == ["a", "b", "a", "b"]


def test_destinations_that_are_done_are_forgotten() -> None:
    pace: Pace[int] = Pace(0)
    for number in range(100):
        pace.put(f"d{number}", number)
        assert pace.pick(number) is not None
        pace.left(f"d{number}", number)
    assert (pace.waiting, pace.next_at()) == (0, None)


def test_all_that_was_put_is_sent_and_no_more_wait_than_may() -> None:
    sent: list[int] = []
    lock = threading.Lock()

    def send(number: int) -> None:
        with lock:
            sent.append(number)

    dispatcher: Dispatcher[int] = Dispatcher(send, interval=0, threads=3, most=5)
    for number in range(200):
        dispatcher.put(f"d{number % 7}", number)
    dispatcher.finish()
    assert sorted(sent) == list(range(200))


def test_a_fault_ends_it_and_is_told() -> None:
    def send(number: int) -> None:
        raise PeerError("no")

    dispatcher: Dispatcher[int] = Dispatcher(send, interval=0, threads=2)
    dispatcher.put("a", 1)
    with pytest.raises(PeerError, match="no"):
        dispatcher.finish()
