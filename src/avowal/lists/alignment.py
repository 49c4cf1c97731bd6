"""Which items two sequences have in common, in time that grows with their length.

`difflib` finds more of what was moved or stands several times, and takes the cube of the
length over sequences made for it.  Here equal beginnings and ends stay; between them, what
stands exactly once on both sides and in the same order; and so on in each gap, a few rounds deep.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

MOST_DEPTH = 10  # rounds within rounds; text of a list has 3


class Gap(NamedTuple):
    """What lies between two pairs, and how many rounds led to it."""

    start: int
    stop: int
    new_start: int
    new_stop: int
    depth: int = 0


class Run(NamedTuple):
    """Items that are `same` on both sides, or that others took the place of."""

    same: bool
    start: int
    stop: int
    new_start: int
    new_stop: int


def runs(before: Sequence[Hashable], after: Sequence[Hashable]) -> Iterator[Run]:
    """Yield the runs of two sequences from the first item to the last, none of them empty."""
    at = new_at = 0
    for start, new_start, count in [*_joined(_pairs(before, after)), (len(before), len(after), 0)]:
        if start > at or new_start > new_at:
            yield Run(same=False, start=at, stop=start, new_start=new_at, new_stop=new_start)
        at, new_at = start + count, new_start + count
        if count:
            yield Run(same=True, start=start, stop=at, new_start=new_start, new_stop=new_at)


def _joined(pairs: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield pairs that follow each other as one: their first places and their number."""
    start = new_start = count = 0
    for at, new_at in pairs:
        if count and (at, new_at) != (start + count, new_start + count):
            yield start, new_start, count
            count = 0
        if not count:
            start, new_start = at, new_at
        count += 1
    if count:
        yield start, new_start, count


def _pairs(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    gaps = [Gap(0, len(before), 0, len(after))]
    while gaps:
        gap = _trimmed(gaps.pop(), before, after, pairs)
        if gap.start == gap.stop or gap.new_start == gap.new_stop or gap.depth == MOST_DEPTH:
            continue
        start, new_start = gap.start, gap.new_start
        anchors = _anchors(gap, before, after)
        pairs += anchors
        for at, new_at in [*anchors, (gap.stop, gap.new_stop)] if anchors else ():
            if start < at and new_start < new_at:
                gaps.append(Gap(start, at, new_start, new_at, gap.depth + 1))
            start, new_start = at + 1, new_at + 1
    return sorted(pairs)


def _trimmed(
    gap: Gap,
    before: Sequence[Hashable],
    after: Sequence[Hashable],
    pairs: list[tuple[int, int]],
) -> Gap:
    """Take equal beginnings and ends out of a gap, into the pairs."""
    start, stop, new_start, new_stop, depth = gap
    while start < stop and new_start < new_stop and before[start] == after[new_start]:
        pairs.append((start, new_start))
        start, new_start = start + 1, new_start + 1
    while start < stop and new_start < new_stop and before[stop - 1] == after[new_stop - 1]:
        stop, new_stop = stop - 1, new_stop - 1
        pairs.append((stop, new_stop))
    return Gap(start, stop, new_start, new_stop, depth)


def _anchors(
    gap: Gap, before: Sequence[Hashable], after: Sequence[Hashable]
) -> list[tuple[int, int]]:
    """Return what stands once on each side of a gap, as much as there is in the same order."""
    old, new = before[gap.start : gap.stop], after[gap.new_start : gap.new_stop]
    counts = Counter(new)
    places = {item: at for at, item in enumerate(new, gap.new_start) if counts[item] == 1}
    counts = Counter(old)
    common = [
        (at, places[item])
        for at, item in enumerate(old, gap.start)
        if counts[item] == 1 and item in places
    ]
    return _increasing(common)


def _increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the most pairs whose second places increase as the first do (patience sorting)."""
    ends: list[int] = []  # of the best chain of each length, its last second place
    chains: list[int] = []  # and which pair that is
    previous: list[int] = []
    for number, (_, new_at) in enumerate(pairs):
        length = bisect_left(ends, new_at)
        previous.append(chains[length - 1] if length else -1)
        ends[length : length + 1] = [new_at]
        chains[length : length + 1] = [number]
    found: list[tuple[int, int]] = []
    number = chains[-1] if chains else -1
    while number >= 0:
        found.append(pairs[number])
        number = previous[number]
    return found[::-1]
