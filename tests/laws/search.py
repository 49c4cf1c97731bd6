"""Searching for a case that breaks a law: ``python -m tests.laws.search --cases 1000000``.

A seed names one message and all that is done to it, so that a violation is found again.
The message and each attack on it is a case, put through our receiver and the oracle.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Iterator
from multiprocessing import Pool
from typing import NamedTuple

from tests.laws.attacks import attacked, facts
from tests.laws.oracle import ideal
from tests.laws.receivers import exposure, received
from tests.laws.world import Case, base

_MOST_SHOWN = 5


class Tried(NamedTuple):
    """How many cases a range of seeds gave, and what was found."""

    cases: int
    broken: list[Violation]


class Violation(NamedTuple):
    """A law, the seed, and the case that breaks it."""

    law: str
    seed: int
    why: str
    case: Case


def violations(seed: int) -> Iterator[Violation]:
    """Try one message, and up to four attacks on it, one on top of the other."""
    return (broken for found in tried(seed) for broken in found)


def tried(seed: int) -> Iterator[list[Violation]]:
    """Yield for each case of a seed what it breaks."""
    rng = random.Random(seed)
    case = base(rng)
    found: list[Violation] = []
    before = exposure(received(case))
    if before > ideal(case):
        found.append(Violation("L1", seed, f"{before} > {ideal(case)}", case))
    if before != ideal(case):
        found.append(Violation("L4", seed, f"{before} instead of {ideal(case)}", case))
    yield found
    for _ in range(rng.randint(1, 4)):
        case = attacked(rng, case)
        found = []
        first = received(case)
        after = exposure(first)
        if after > ideal(case):
            found.append(Violation("L1", seed, f"{after} > {ideal(case)}", case))
        if after > before and not case.lawful:
            found.append(Violation("L2", seed, f"{after} > {before}", case))
        again = received(case, rng)
        if (exposure(again), again.record.results) != (after, first.record.results):
            found.append(
                Violation("L3", seed, f"{again.record.results}, {first.record.results}", case)
            )
        if case.beyond and dict(first.record.results).get("dkim") == "fail":
            found.append(Violation("L4", seed, "dkim=fail beyond a limit", case))
        before = after
        yield found


def _several(seeds: range) -> Tried:
    each = [found for seed in seeds for found in tried(seed)]
    return Tried(len(each), [one for found in each for one in found])


def main() -> int:
    """Search, say how far, and show what was found."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--cases", type=int, default=20_000, help="how many at least")
    reader.add_argument("--seed", type=int, default=0, help="where to begin")
    reader.add_argument("--processes", type=int, default=2)
    given = reader.parse_args()
    chunks = (range(at, at + 250) for at in itertools.count(given.seed, 250))
    started, done, found = time.monotonic(), 0, []
    with Pool(given.processes) as pool:
        for count, broken in pool.imap_unordered(
            _several, itertools.islice(chunks, given.cases // 250 + 1)
        ):
            done += count
            found += broken
            print(f"{done} cases, {len(found)} violations, {time.monotonic() - started:.0f} s")
            sys.stdout.flush()
            if done >= given.cases:
                break
    for one in found[:_MOST_SHOWN]:
        print(one.law, one.seed, one.why)
        for name, value in facts(one.case).items():
            print(f"  {name}: {value}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
