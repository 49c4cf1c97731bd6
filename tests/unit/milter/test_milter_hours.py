"""The bound of an hour holds over all workers."""

from __future__ import annotations

import os

from avowal.milter.hours import SharedHour


def test_so_many_are_allowed_and_more_are_counted() -> None:
    hour = SharedHour(3, lambda: 0)
    assert [hour.take() for _ in range(5)] == [0, 0, 0, 1, 2]


def test_the_next_hour_begins_again() -> None:
    now = [0.0]
    hour = SharedHour(1, lambda: now[0])
    assert [hour.take(), hour.take()] == [0, 1]
    now[0] = 3600
    assert [hour.take(), hour.take()] == [0, 1]


def test_processes_together_never_pass_the_bound() -> None:
    hour = SharedHour(50, lambda: 0)
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os._exit(sum(hour.take() == 0 for _ in range(40)))
        children.append(child)
    allowed = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sum(allowed) <= 50
    assert hour.take() > 0
