"""Events beside the mail's way: never a wait, every loss counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import pytest
from tests.mailloop import until

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event import Event, EventKey
from avowal.report.event_store import DoubtfulWrite, LostEvents
from avowal.report.recorder import PAUSE, Recorder

EVENT = Event(0, "mx", EventKey(author="a.example"))


class Kept:
    """Keeps what is written; fails as often as it is told to, and waits for a gate."""

    def __init__(self, failures: int = 0, gate: threading.Event | None = None) -> None:
        self.events: list[Event] = []
        self.lost = Counter[tuple[int, str]]()
        self.failures = failures
        self.gate = gate

    def append(self, events: Sequence[Event]) -> None:
        if self.gate is not None:
            self.gate.wait(60)
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        self.events += events

    def note_lost(self, lost: LostEvents) -> None:
        self.lost.update(lost)

    def close(self) -> None:
        pass


def test_all_that_was_taken_is_written_at_the_end() -> None:
    kept = Kept()
    recorder = Recorder(lambda: kept, pause=0)
    for _ in range(5000):
        recorder.take(EVENT)
    recorder.settle(10)
    assert (len(kept.events), recorder.recorded, recorder.dropped) == (5000, 5000, 0)


def test_what_finds_no_room_is_dropped_counted_and_told_once() -> None:
    gate, told, counts = threading.Event(), list[str](), list[tuple[str, int]]()
    kept = Kept(gate=gate)
    recorder = Recorder(
        lambda: kept,
        waiting=10,
        pause=0,
        tell=told.append,
        count=lambda outcome, number: counts.append((outcome, number)),
    )
    for _ in range(100):
        recorder.take(EVENT)
    gate.set()
    recorder.settle(10)
    assert recorder.taken + recorder.dropped == 100
    assert len(kept.events) == recorder.taken == recorder.recorded
    assert sum(number for outcome, number in counts if outcome == "dropped") == recorder.dropped > 0
    assert kept.lost == {(0, "mx"): recorder.dropped}
    assert told == ["events are dropped: too many wait to be written"]


def test_what_was_lost_is_counted_in_the_store_once_that_takes_it() -> None:
    refused: list[int] = []

    class Refusing(Kept):
        def note_lost(self, lost: LostEvents) -> None:
            if not refused:
                refused.append(1)
                raise StoreError("the disk is full")
            super().note_lost(lost)

    kept = Refusing()
    recorder = Recorder(lambda: kept, waiting=1, pause=0)
    recorder._queue.put(EVENT)  # no room, before there is a thread that could make some
    recorder.take(EVENT)
    recorder.take(Event(DAY, "mx", EVENT.key))
    recorder._queue.get()
    recorder.take(EVENT)
    recorder.settle(10)
    assert refused
    assert kept.lost == {(0, "mx"): 1, (1, "mx"): 1}


def test_what_was_dropped_does_not_hide_why() -> None:
    told = list[str]()

    def never() -> Kept:
        raise StoreError("no such host")

    recorder = Recorder(never, waiting=1, pause=0, tell=told.append)
    recorder._queue.put(EVENT)  # no room, before there is a thread that could make some
    recorder.take(EVENT)
    recorder._queue.get()
    recorder.take(EVENT)
    recorder.settle(10)
    assert told[:2] == [
        "events are dropped: too many wait to be written",
        "events wait: no such host",
    ]


def test_a_store_that_cannot_be_written_is_told_and_what_is_lost_is_counted() -> None:
    told = list[str]()

    def never() -> Kept:
        raise StoreError("no such host")

    recorder = Recorder(never, pause=0, tell=told.append)
    recorder.take(EVENT)
    recorder.settle(10)
    assert recorder.dropped == 1
    assert told[-1] == "stopped with 1 events not written"


def test_a_store_that_comes_back_gets_what_waited() -> None:
    kept = Kept(failures=1)
    recorder = Recorder(lambda: kept, pause=0)
    recorder.take(EVENT)
    while not recorder.recorded:
        threading.Event().wait(0.05)
    recorder.settle(10)
    assert kept.events == [EVENT]


def test_a_kill_can_lose_less_than_a_second() -> None:
    assert PAUSE < 1


@pytest.mark.parametrize("there", [True, False])
def test_a_batch_of_which_nobody_knows_whether_it_is_there_stands_there_once(
    monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    kept, asked = Kept(), list[int]()

    def wrote() -> bool:
        asked.append(1)
        if len(asked) == 1:
            raise StoreError("the server is away")
        return there

    def append(events: Sequence[Event]) -> None:
        monkeypatch.undo()
        kept.events += events if there else ()
        raise DoubtfulWrite("the connection broke", wrote)

    monkeypatch.setattr("avowal.report.recorder._RETRY", 0.01)
    monkeypatch.setattr(kept, "append", append)
    recorder = Recorder(lambda: kept, pause=0)
    for _ in range(7):
        recorder.take(EVENT)
    until(lambda: recorder.recorded == 7)
    recorder.settle(10)
    assert (len(kept.events), recorder.dropped, len(asked)) == (7, 0, 2)
