"""The cache: how long answers live, and that equal questions are asked once."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import tracemalloc

import pytest

from avowal.dns.cache import Cached, memory
from avowal.lookup import NO_NAME, Answer, Failure, Outcome, Question

A, B = Question("a.example"), Question("b.example")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Answers from a dict that tests change, counts, and may be slow."""

    def __init__(self, answers: dict[Question, Answer], delay: float = 0) -> None:
        self.answers = answers
        self.delay = delay
        self.asked: list[Question] = []
        self.begun = threading.Event()

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self.asked += questions
        self.begun.set()
        time.sleep(self.delay)
        return tuple(self.answers.get(question, NO_NAME) for question in questions)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self.asked += questions
        await asyncio.sleep(self.delay)
        return tuple(self.answers.get(question, NO_NAME) for question in questions)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("answer", "options", "lives"),
    [
        pytest.param(Answer.found(b"x", ttl=60), {}, 60, id="its-ttl"),
        pytest.param(Answer.found(b"x", ttl=0), {}, 0, id="ttl-0-is-never-kept"),
        pytest.param(Answer.found(b"x", ttl=10**6), {}, 86400, id="at-most-a-day"),
        pytest.param(Answer.found(b"x", ttl=5), {"min_ttl": 30}, 30, id="min_ttl-by-wish"),
        pytest.param(Answer(outcome=Outcome.NO_NAME, ttl=60), {}, 60, id="negative"),
        pytest.param(Answer(outcome=Outcome.NO_DATA, ttl=9999), {}, 3600, id="negative-an-hour"),
        pytest.param(Answer(outcome=Outcome.NO_NAME, ttl=0), {}, 0, id="negative-without-SOA"),
        pytest.param(Answer.failed(Failure.TIMEOUT), {}, 2, id="failure-two-seconds"),
        pytest.param(Answer.failed(Failure.BUDGET), {}, 0, id="a-message's-budget-never"),
        pytest.param(Answer.failed(Failure.DEADLINE), {}, 0, id="a-message's-deadline-never"),
        pytest.param(Answer.found(b"x" * 20_000, ttl=60), {}, 0, id="too-large-to-keep"),
    ],
)
def test_an_answer_lives_as_long_as_it_may(
    clock: Clock, answer: Answer, options: dict[str, float], lives: int
) -> None:
    source = Source({A: answer})
    cache = Cached(source, clock=clock, **options)  # type: ignore[arg-type]
    cache.resolve((A,))
    if lives:
        clock.now += lives - 1
        cache.resolve((A,))
        assert len(source.asked) == 1
        clock.now += 1
    cache.resolve((A,))
    assert len(source.asked) == 2


def test_the_ttl_that_is_left_is_told(clock: Clock) -> None:
    cache = Cached(Source({A: Answer.found(b"x", ttl=60)}), clock=clock)
    cache.resolve((A,))
    clock.now += 20
    assert cache.resolve((A,)) == (Answer.found(b"x", ttl=40),)


def test_letter_case_makes_no_second_entry(clock: Clock) -> None:
    source = Source({A: Answer.found(b"x", ttl=60)})
    cache = Cached(source, clock=clock)
    cache.resolve((A,))
    assert cache.resolve((Question("A.Example"),))[0].records == (b"x",)


def test_another_type_is_another_question(clock: Clock) -> None:
    source = Source({A: Answer.found(b"x", ttl=60)})
    cache = Cached(source, clock=clock)
    cache.resolve((A, Question("a.example", "MX")))
    assert len(source.asked) == 2


def test_only_what_is_missing_is_asked(clock: Clock) -> None:
    source = Source({A: Answer.found(b"a", ttl=60), B: Answer.found(b"b", ttl=60)})
    cache = Cached(source, clock=clock)
    cache.resolve((B,))
    answers = cache.resolve((A, B, A))
    assert [found.records for found in answers] == [(b"a",), (b"b",), (b"a",)]
    assert source.asked == [B, A]


def test_its_size_is_bounded_and_the_least_used_goes(clock: Clock) -> None:
    source = Source({Question(f"n{i}"): Answer.found(b"x", ttl=60) for i in range(5)})
    cache = Cached(source, entries=2, clock=clock)
    for name in ("n0", "n1", "n0", "n2"):
        cache.resolve((Question(name),))
    assert len(cache) == 2
    source.asked.clear()
    cache.resolve((Question("n0"), Question("n2")))
    assert source.asked == []


@pytest.mark.parametrize(
    ("records", "octets", "name"),
    [
        pytest.param(1, 10, 20, id="a-short-record"),
        pytest.param(1, 400, 60, id="a-key"),
        pytest.param(300, 2, 20, id="many-tiny-records"),
        pytest.param(200, 16, 240, id="many-records-long-name"),
        pytest.param(1, 15000, 20, id="a-long-record"),
        pytest.param(0, 0, 20, id="no-record"),
    ],
)
def test_the_memory_of_an_entry_is_counted_as_it_is(
    clock: Clock, records: int, octets: int, name: int
) -> None:
    def answer(number: int) -> Answer:
        found = tuple(os.urandom(octets) for _ in range(records))
        outcome = Outcome.FOUND if records else Outcome.NO_NAME
        return Answer(outcome=outcome, records=found, ttl=3000 + number)

    class Made:
        def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            return tuple(answer(int(question.name)) for question in questions)

    cache = Cached(Made(), clock=clock)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(500):
        cache.resolve((Question(f"{number:0{name}}"),))
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(cache) == 500
    assert 0.7 < taken / cache.octets < 1.1


def test_its_memory_is_bounded_and_the_least_used_goes(clock: Clock) -> None:
    big = Answer.found(*(bytes((i, j)) for i in range(200) for j in range(1)), ttl=60)
    source = Source({Question(f"n{i}"): big for i in range(5)})
    one = memory(("n0", "TXT"), big)
    cache = Cached(source, octets=2 * one, clock=clock)
    for name in ("n0", "n1", "n0", "n2"):
        cache.resolve((Question(name),))
    assert (len(cache), cache.octets) == (2, 2 * one)
    source.asked.clear()
    cache.resolve((Question("n0"), Question("n2")))
    assert source.asked == []


def test_an_answer_renewed_is_counted_once(clock: Clock) -> None:
    cache = Cached(Source({A: Answer.found(b"x", ttl=60)}), clock=clock)
    for _ in range(3):
        cache.resolve((A,))
        clock.now += 100
    assert cache.octets == memory(("a.example", "TXT"), Answer.found(b"x"))
    cache.clear()
    assert cache.octets == 0


def test_many_tiny_records_are_too_large_to_keep(clock: Clock) -> None:
    tiny = Answer.found(*(bytes((i, j)) for i in range(40) for j in range(10)), ttl=60)
    cache = Cached(Source({A: tiny}), clock=clock)  # 800 octets of records, 17 kB of memory
    cache.resolve((A,))
    assert len(cache) == 0


def test_clear_forgets_everything(clock: Clock) -> None:
    cache = Cached(Source({A: Answer.found(b"x", ttl=60)}), clock=clock)
    cache.resolve((A,))
    cache.clear()
    assert len(cache) == 0


def test_a_stale_answer_bridges_a_failure_only_when_allowed_and_only_so_long(
    clock: Clock,
) -> None:
    source = Source({A: Answer.found(b"x", ttl=60)})
    strict, lenient = Cached(source, clock=clock), Cached(source, stale_if_error=100, clock=clock)
    strict.resolve((A,))
    lenient.resolve((A,))
    source.answers[A] = Answer.failed(Failure.TIMEOUT)
    clock.now += 61
    assert strict.resolve((A,))[0].failure is Failure.TIMEOUT
    assert lenient.resolve((A,)) == (Answer.found(b"x", ttl=0),)
    clock.now += 100
    assert lenient.resolve((A,))[0].failure is Failure.TIMEOUT


def test_a_stale_answer_yields_to_a_real_one_even_if_negative(clock: Clock) -> None:
    source = Source({A: Answer.found(b"x", ttl=60)})
    cache = Cached(source, stale_if_error=1000, clock=clock)
    cache.resolve((A,))
    source.answers[A] = Answer(outcome=Outcome.NO_NAME, ttl=60)
    clock.now += 61
    assert cache.resolve((A,))[0].outcome is Outcome.NO_NAME  # RFC 4686 §4.1.10: a revoked key


def test_threads_that_ask_alike_share_one_question() -> None:
    source = Source({A: Answer.found(b"x", ttl=60)}, delay=0.2)
    cache = Cached(source)
    found: list[Answer] = []
    threads = [threading.Thread(target=lambda: found.extend(cache.resolve((A,)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.records for one in found] == [(b"x",)] * 8
    assert source.asked == [A]


def test_tasks_that_ask_alike_share_one_question() -> None:
    source = Source({A: Answer.found(b"x", ttl=60)}, delay=0.05)
    cache = Cached(source)

    async def ask_often() -> list[tuple[Answer, ...]]:
        return await asyncio.gather(*(cache.aresolve((A,)) for _ in range(8)))

    assert {found[0].records for found in asyncio.run(ask_often())} == {(b"x",)}
    assert source.asked == [A]


def test_a_cancelled_task_leaves_the_others_their_answer() -> None:
    source = Source({A: Answer.found(b"x", ttl=60)}, delay=0.05)
    cache = Cached(source)

    async def cancel_the_first() -> Answer:
        first = asyncio.create_task(cache.aresolve((A,)))
        second = asyncio.create_task(cache.aresolve((A,)))
        await asyncio.sleep(0.01)
        first.cancel()
        return (await second)[0]

    assert asyncio.run(cancel_the_first()).records == (b"x",)


def test_a_name_that_hangs_holds_up_its_neighbours_in_no_other_message() -> None:
    class Hanging(Source):
        async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            if A in questions:
                await asyncio.Event().wait()
            return await super().aresolve(questions)

    cache = Cached(Hanging({B: Answer.found(b"b", ttl=60)}))

    async def beside_it() -> tuple[Answer, ...]:
        first = asyncio.create_task(cache.aresolve((A, B)))
        await asyncio.sleep(0)
        answers = await cache.aresolve((B,))
        first.cancel()
        return answers

    assert asyncio.run(beside_it())[0].records == (b"b",)


class Rushed(Source):
    """Has no answer for whoever brings less than a minute."""

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        self.begun.set()
        time.sleep(self.delay)
        if seconds < 60:
            return tuple(Answer.failed(Failure.DEADLINE) for _ in questions)
        return self.resolve(questions)


def test_the_deadline_of_one_message_is_not_that_of_another() -> None:
    source = Rushed({A: Answer.found(b"x", ttl=60)}, delay=0.1)
    cache = Cached(source)
    found: list[Answer] = []
    hurried = threading.Thread(target=lambda: found.extend(cache.resolve_within((A,), 30)))
    hurried.start()
    assert source.begun.wait(60)
    assert cache.resolve_within((A,), 120)[0].records == (b"x",)
    hurried.join()
    assert found == [Answer.failed(Failure.DEADLINE)]


def test_waiting_for_another_thread_has_an_end() -> None:
    source = Source({A: Answer.found(b"x", ttl=60)}, delay=0.5)
    cache = Cached(source)
    first = threading.Thread(target=cache.resolve, args=((A,),))
    first.start()
    assert source.begun.wait(60)
    assert cache.resolve_within((A,), 0.05)[0].failure is Failure.DEADLINE
    first.join()


def test_a_resolver_that_raises_leaves_nobody_waiting() -> None:
    class Broken:
        def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            raise RuntimeError("broken")

    cache = Cached(Broken())
    for _ in range(2):
        assert cache.resolve((A,)) == (Answer.failed(Failure.RESOLVER),)
