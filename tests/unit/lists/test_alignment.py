"""lists.alignment: what two sequences have in common, at a cost that grows with their length."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.lists.alignment import MOST_DEPTH, runs

WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


@given(before=WORDS, after=WORDS)
def test_runs_follow_each_other_and_what_is_the_same_is_equal(
    before: list[str], after: list[str]
) -> None:
    at = new_at = 0
    for run in runs(before, after):
        assert (run.start, run.new_start) == (at, new_at)
        assert run.stop > run.start or run.new_stop > run.new_start
        if run.same:
            assert before[run.start : run.stop] == after[run.new_start : run.new_stop]
        at, new_at = run.stop, run.new_stop
    assert (at, new_at) == (len(before), len(after))


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        pytest.param("abc", "abc", "abc", id="equal"),
        pytest.param("abc", "xyz", "", id="nothing in common"),
        pytest.param("", "a", "", id="from nothing"),
        pytest.param("abcd", "abxcd", "abcd", id="one put in"),
        pytest.param("aabb", "abb", "abb", id="one of two equal ones taken out"),
        pytest.param("1a2b3", "4a5b6", "ab", id="others around what stays"),
        pytest.param("abcde", "eabcd", "abcd", id="one moved"),
        pytest.param("1a2mab3", "4a5mb6", "amb", id="what stands once in a gap between others"),
    ],
)
def test_what_is_kept(before: str, after: str, kept: str) -> None:
    same = [before[run.start : run.stop] for run in runs(before, after) if run.same]
    assert "".join(same) == kept


class Counted:
    """An item that counts how often it is hashed or compared."""

    times = 0

    def __init__(self, word: str) -> None:
        self.word = word

    def __eq__(self, other: object) -> bool:
        Counted.times += 1
        return isinstance(other, Counted) and self.word == other.word

    def __hash__(self) -> int:
        Counted.times += 1
        return hash(self.word)


def steps(before: Sequence[str], after: Sequence[str]) -> float:
    """Steps for each item."""
    Counted.times = 0
    list(runs([Counted(word) for word in before], [Counted(word) for word in after]))
    return Counted.times / (len(before) + len(after))


SOME = random.Random(1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(["x"] + ["a"] * 999, ["y"] + ["a"] * 999 + ["z"], id="one word"),
        pytest.param(["x"] + ["a", "b"] * 500, ["b", "a"] * 500 + ["y"], id="two words"),
        pytest.param(SOME.choices("ab", k=999), SOME.choices("ab", k=999), id="by chance"),
        pytest.param(
            list(chain.from_iterable(("a", f"u{n}") for n in range(500))),
            list(chain.from_iterable(("a", f"v{n}") for n in range(500))),
            id="one word between others",
        ),
        pytest.param(
            [str(n) for n in range(1000)], [str(n) for n in range(1000)][::-1], id="backwards"
        ),
    ],
)
def test_each_item_is_looked_at_a_few_times(before: Sequence[str], after: Sequence[str]) -> None:
    assert steps(before, after) < 8 * MOST_DEPTH


def nested(rounds: int) -> tuple[list[str], list[str]]:
    """Two sequences of which each round finds one more word, and the next round the next."""
    before, after = ["left 0", "0", "right 0"], ["new left 0", "0", "new right 0"]
    for n in range(1, rounds):
        again = [str(inner) for inner in range(n)]  # once more: no round before theirs finds them
        before = [f"left {n}", *before, str(n), *again, f"right {n}"]
        after = [f"new left {n}", *after, str(n), f"new right {n}"]
    return before, after


@pytest.mark.parametrize(("rounds", "kept"), [(10, 10), (11, 10)])
def test_beyond_so_many_rounds_what_is_left_counts_as_other(rounds: int, kept: int) -> None:
    same = [run.stop - run.start for run in runs(*nested(rounds)) if run.same]
    assert sum(same) == kept
