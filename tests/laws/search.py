"""Searching for a case that breaks a law: ``python -m tests.laws.search --cases 1000000``.

A seed names one case and all that is done to it, so that a violation is found again.
"""

from __future__ import annotations

import argparse
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


class Violation(NamedTuple):
    """A law, the seed, and the case that breaks it."""

    law: str
    seed: int
    why: str
    case: Case


def violations(seed: int) -> Iterator[Violation]:
    """Try one case, and up to four attacks on it, one on top of the other."""
    rng = random.Random(seed)
    case = base(rng)
    before = exposure(received(case))
    if before > ideal(case):
        yield Violation("L1", seed, f"{before} > {ideal(case)}", case)
    if before != ideal(case):
        yield Violation("L4", seed, f"{before} instead of {ideal(case)}", case)
    for _ in range(rng.randint(1, 4)):
        case = attacked(rng, case)
        first = received(case)
        after = exposure(first)
        if after > ideal(case):
            yield Violation("L1", seed, f"{after} > {ideal(case)}", case)
        if after > before and not case.lawful:
            yield Violation("L2", seed, f"{after} > {before}", case)
        again = received(case, rng)
        if (exposure(again), again.record.results) != (after, first.record.results):
            yield Violation("L3", seed, f"{again.record.results}, {first.record.results}", case)
        if case.beyond and dict(first.record.results).get("dkim") == "fail":
            yield Violation("L4", seed, "dkim=fail beyond a limit", case)
        before = after


def _several(seeds: range) -> tuple[int, list[Violation]]:
    return len(seeds), [one for seed in seeds for one in violations(seed)]


def main() -> int:
    """Search, say how far, and show what was found."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--cases", type=int, default=20_000)
    reader.add_argument("--seed", type=int, default=0, help="where to begin")
    reader.add_argument("--processes", type=int, default=2)
    given = reader.parse_args()
    chunks = [
        range(at, min(at + 500, given.seed + given.cases))
        for at in range(given.seed, given.seed + given.cases, 500)
    ]
    started, done, found = time.monotonic(), 0, []
    with Pool(given.processes) as pool:
        for count, broken in pool.imap_unordered(_several, chunks):
            done += count
            found += broken
            if done % 10_000 == 0 or broken:
                print(f"{done} cases, {len(found)} violations, {time.monotonic() - started:.0f} s")
                sys.stdout.flush()
    for one in found[:_MOST_SHOWN]:
        print(one.law, one.seed, one.why)
        for name, value in facts(one.case).items():
            print(f"  {name}: {value}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
