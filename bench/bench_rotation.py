"""A year of key rotations for many domains, and what verifiers make of the mail: fake clock.

    bench/bench_rotation.py [--domains 100] [--messages 1000000] [--processes 2] [--first 1]

Each domain has one to three name servers that lag behind each other by up to two hours, fall
silent, and forget and spoil records of keys that do not sign yet; publishing, making and the
canary fail, clocks jump, answers come twice, and the process dies between any two steps.
Its messages are signed at random moments, half of them just after a switch, and each is
verified by several verifiers: most at once, some after days in a queue.  A verifier takes what
its cache holds within its TTL, else what a server of the zone shows at that moment; it has asked
for most keys before they sign, when some servers did not have them.

A message that a verifier finds no key for is unverifiable: there has to be none.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.laws.rotation_dns import Fault, Server
from tests.laws.rotation_judge import violations
from tests.laws.rotation_world import DOMAIN, World

from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation import pending
from avowal.keys.rotation_events import Resume
from avowal.keys.rotation_pending import seconds_left
from avowal.keys.schedule import DAY, HOUR, MINUTE, Schedule

YEAR = 365 * DAY
VERIFIERS = 3
SCHEDULE = Schedule(
    rotate_every=60 * DAY,
    jitter=5 * DAY,
    look_every=30 * MINUTE,
    watch_every=DAY,
    revoked_for=10 * DAY,
)


class Year(World):
    """One domain's year: time goes from one thing to do to the next."""

    def schedule(self) -> Schedule:
        """The year's schedule, and what its servers are like."""
        for server in self.zone.servers:
            server.lag = self.draw.choice([0, MINUTE, 2 * HOUR])
            server.ttl = HOUR
            server.negative_ttl = self.draw.choice([5 * MINUTE, HOUR, 3 * HOUR])
        return replace(SCHEDULE, lead=self.draw.choice([0, 7 * DAY]))

    def live(self, until: int) -> None:
        while self.now < until:
            self._misfortune()
            self._round()
            waits = not pending(self.rotation, self.moment())
            left = seconds_left(self.rotation, DAY) if waits else 10
            self.now += min(left, until - self.now) + 1

    def _misfortune(self) -> None:
        """Faults of keys that sign are for the laws: what nobody can know is no test of us."""
        draw = self.draw
        if self.rotation.halted is not None:  # an operator looked into it
            self.take(Resume())
        if draw.random() < 0.02:
            self.wall_ahead = draw.choice([0, -50 * DAY, 50 * DAY])
        if draw.random() < 0.02:
            draw.choice(self.zone.servers).silent_until = self.now + draw.randint(60, DAY)
        if draw.random() < 0.1:
            self._spoil_what_is_not_signing()
        if self.old and draw.random() < 0.05:
            self.take(draw.choice(self.old))

    def _spoil_what_is_not_signing(self) -> None:
        coming = self.rotation.successor
        if coming is None or coming.state not in {KeyState.PUBLISHED, KeyState.SEEN}:
            return
        shown = self.draw.choice([None, coming.key.record[:-8]])
        server = self.draw.choice(self.zone.servers)
        end = self.now + self.draw.choice([HOUR, 6 * HOUR])
        ttl = server.negative_ttl if shown is None else HOUR
        server.spoil(coming.key.name, Fault(self.now, end, shown, ttl))


class Cache:
    """What one verifier keeps."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._kept: dict[str, tuple[str | None, int]] = {}

    def asks(self, name: str, at: int, servers: list[Server]) -> str | None:
        text, until = self._kept.get(name, (None, -1))
        if until <= at:
            text, ttl = self._draw.choice(servers).shows(name, at)
            self._kept[name] = text, at + ttl
        return text


def probes(world: World, draw: random.Random) -> list[tuple[int, str, bool]]:
    """Somebody asks for keys before they sign, as scanners do, and remembers what was there."""
    found = []
    for span in world.record.signed:
        before = (draw.randint(1, 4 * HOUR) for _ in range(20))
        found += [(max(span.start - ago, 0), span.selector, False) for ago in before]
    return found


def year(task: tuple[int, int]) -> tuple[Counter[str], list[str]]:
    """Live one domain's year, and judge its messages."""
    seed, messages = task
    world = Year(seed)
    world.live(YEAR)
    draw = random.Random(seed)
    caches = [Cache(draw) for _ in range(VERIFIERS)]
    spans = sorted(world.record.signed, key=lambda span: span.start)
    starts = [span.start for span in spans]
    counts: Counter[str] = Counter(keys=len(world.record.records), switches=len(spans))
    moments = []
    for _ in range(messages):
        at = draw.randrange(starts[0], YEAR)
        if draw.random() < 0.5:  # half of them just after a switch
            at = min(draw.choice(starts) + draw.randrange(6 * HOUR), YEAR - 1)
        span = spans[bisect_right(starts, at) - 1]
        if at >= span.end:
            counts["unsigned"] += 1
            continue
        late = draw.random()
        delay = draw.randrange(5 * DAY) if late < 0.01 else draw.randrange(60)
        moments.append((at + delay, span.selector, True))
    moments += probes(world, draw)
    worst = []
    for at, selector, is_message in sorted(moments):  # caches live forward
        name, wanted = f"{selector}._domainkey.{DOMAIN.ascii}", world.record.records[selector]
        for cache in caches:
            if cache.asks(name, at, world.zone.servers) != wanted and is_message:
                counts["unverifiable"] += 1
                worst.append(f"seed {seed}: {selector} at {at}")
            counts["verifications"] += is_message
        counts["messages"] += is_message
    return counts, [*violations(world), *worst[:3]]


def main() -> int:
    """Run the years; print the counts, and whatever went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", type=int, default=100)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=1)
    options = parser.parse_args()
    start, counts, wrong = time.perf_counter(), Counter[str](), []
    each = options.messages // options.domains
    tasks = [(seed, each) for seed in range(options.first, options.first + options.domains)]
    with Pool(options.processes) as pool:
        for found, said in pool.imap_unordered(year, tasks):
            counts += found
            wrong += said
    seconds = time.perf_counter() - start
    print(f"{options.domains} domains, a year each, in {seconds:.0f} s")
    print(", ".join(f"{name} {number:,}" for name, number in counts.items()))
    print(f"unverifiable {counts['unverifiable']:,}, broken laws {len(wrong)}")
    for one in wrong[:10]:
        print(f"  {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
