"""From events to aggregate reports: how fast they are written, counted and made into files.

    python bench/aggregate_reports.py [EVENTS] [DOMAINS] [PROCESSES] [sqlite|parquet]

Events of one day are drawn over policy domains by Zipf's law, with a few sources, selectors and
outcomes each, and written in the batches of the daemon; then all reports of the day are made.
Prints rates and the peak of memory; the files are removed.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, islice
from multiprocessing import get_context
from pathlib import Path

from avowal.cli.report_files import Making, made_reports
from avowal.dates import DAY
from avowal.report.aggregation import Reporter
from avowal.report.event import (
    Event,
    EventKey,
    EventPolicy,
    EventReason,
    EventSender,
    EventSignature,
)
from avowal.stores.events import open_event_sink, open_event_store
from avowal.stores.report_tables import ReportStore

DAY_0 = 20_000
BATCH = 2000
US = Reporter(organization="Example", domain="mx.example.com", email="dmarc@example.com")


@lru_cache(300_000)
def key_of(domain: str, place: int, selector: int, *, passed: bool) -> EventKey:
    source = f"192.0.2.{place}" if passed else f"198.51.{place}.7"
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
            EventSignature(domain, f"s{selector}", word, None if passed else "body-hash"),
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
            passed = draw.random() < 0.8
            place = draw.randrange(4 if passed else 100)
            key = key_of(domain, place, draw.randrange(2), passed=passed)
            yield Event(begin + draw.randrange(DAY), "mx1", key, f"4{number:09X}")
            number -= 1


def written(number: int, domains: int, store: str) -> None:
    """Write the events as the daemon does, in batches; say how fast."""
    sink = open_event_sink(store)
    drawn = events(number, domains)
    spent = 0.0
    while batch := list(islice(drawn, BATCH)):
        began = time.process_time()
        sink.append(batch)
        spent += time.process_time() - began
    sink.close()
    print(f"written   {number / spent:>12,.0f} events/s of one core")


def main(
    number: int = 1_000_000, domains: int = 200_000, jobs: int = 2, kind: str = "sqlite"
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = f"{kind}:{folder}/events"
        writer = get_context("fork").Process(target=written, args=(number, domains, store))
        writer.start()  # what draws the events needs memory that no receiver needs
        writer.join()
        opened = open_event_store(store)
        wall, cpu = time.perf_counter(), time.process_time()
        days = opened.days()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        print(
            f"packed    {wall:12.1f} s, {cpu:.1f} s of one core, {size / number:.0f} octets/event"
        )
        print(f"          {sum(messages for _, messages in days):,} messages", flush=True)
        output = Path(folder, "out")
        output.mkdir()
        told(opened, Making(day=DAY_0, reporter=US, directory=str(output)), jobs)
        opened.close()


def told(store: ReportStore, making: Making, jobs: int) -> None:
    """Make all reports of the day; say how long that took and what it needed."""
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, cpu = time.perf_counter(), time.process_time() - below.ru_utime - below.ru_stime
    reports = rows = messages = 0
    for one in made_reports(store.rows(DAY_0, reported=True), making, jobs):
        reports, rows, messages = reports + 1, rows + one.records, messages + one.messages
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.perf_counter() - wall
    cpu = time.process_time() + below.ru_utime + below.ru_stime - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"made      {reports:>12,} reports of {rows:,} rows about {messages:,} messages")
    print(f"          {wall:12.1f} s, {cpu:.1f} s of one core, {cpu / rows * 1e6:.1f} us/row")
    print(f"          {messages / wall:12,.0f} events/s, {jobs} processes; peak {peak} MB of one")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), *sys.argv[4:5])
