"""From events to aggregate reports: how fast they are written, counted and made into files.

    python bench/aggregate_reports.py [EVENTS] [DOMAINS] [PROCESSES]

Events of one day are drawn over policy domains by Zipf's law, with a few sources, selectors and
outcomes each, and written to SQLite in the batches of the daemon; then all reports of the day
are made.  Prints rates and the peak of memory; the files are counted and removed.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path

from avowal.cli.report_files import Making, made_reports
from avowal.report.aggregation import Reporter
from avowal.report.event import (
    Event,
    EventKey,
    EventPolicy,
    EventReason,
    EventSender,
    EventSignature,
)
from avowal.report.event_store import DAY
from avowal.stores.sqlite_events import SqliteEvents

DAY_0 = 20_000
BATCH = 2000
US = Reporter(organization="Example", domain="mx.example.com", email="dmarc@example.com")


def key_of(domain: str, draw: random.Random, *, passed: bool) -> EventKey:
    source = f"192.0.2.{draw.randrange(4)}" if passed else f"198.51.{draw.randrange(100)}.7"
    word = "pass" if passed else "fail"
    return EventKey(
        source=source,
        author=domain,
        action="accept",
        policy=EventPolicy(domain, p="reject", wants_reports=True),
        dmarc=word,
        asked="reject",
        disposition="pass" if passed else "none",
        dkim_aligned=passed,
        spf_aligned=passed,
        reasons=() if passed else (EventReason("local_policy", "reject was asked"),),
        spf=EventSender(domain, "mfrom", "pass" if passed else "softfail"),
        dkim=(
            EventSignature(domain, f"s{draw.randrange(2)}", word, None if passed else "body-hash"),
            EventSignature("esp.example", "k1", "pass"),
        ),
    )


def events(number: int, domains: int, seed: int = 1) -> Iterator[Event]:
    draw = random.Random(seed)
    weights = list(accumulate(1 / (n + 1) for n in range(domains)))
    names = [f"d{n}.example" for n in range(domains)]
    begin = DAY_0 * DAY
    while number > 0:
        for domain in draw.choices(names, cum_weights=weights, k=min(number, 10_000)):
            key = key_of(domain, draw, passed=draw.random() < 0.8)
            yield Event(begin + draw.randrange(DAY), "mx1", key, f"4{number:09X}")
            number -= 1


def main(number: int = 1_000_000, domains: int = 200_000, jobs: int = 2) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.db")
        store = SqliteEvents(str(path))
        drawn = events(number, domains)
        spent = 0.0
        while batch := list(islice(drawn, BATCH)):
            began = time.perf_counter()
            store.append(batch)
            spent += time.perf_counter() - began
        size = path.stat().st_size
        print(f"written   {number / spent:>12,.0f} events/s, {size / number:.0f} octets/event")
        output = Path(folder, "out")
        output.mkdir()
        wall, cpu = time.perf_counter(), time.process_time()
        reports = rows = messages = 0
        making = Making(day=DAY_0, reporter=US, directory=str(output))
        for one in made_reports(store.rows(DAY_0, reported=True), making, jobs):
            reports, rows, messages = reports + 1, rows + one.records, messages + one.messages
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        below = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu += below.ru_utime + below.ru_stime
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + jobs * below.ru_maxrss >> 10
        print(f"made      {reports:>12,} reports of {rows:,} rows about {messages:,} messages")
        print(f"          {wall:12.1f} s, {cpu:.1f} s of one core, {cpu / rows * 1e6:.1f} us/row")
        print(f"          {messages / wall:12,.0f} events/s, {jobs} processes; peak <= {peak} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
