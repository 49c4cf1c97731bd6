"""The report files of a day, made by several processes: each gets whole domains."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby, islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from avowal.cli.exits import complain
from avowal.errors import StoreError

if TYPE_CHECKING:
    from avowal.report.aggregation import Reporter

Row: TypeAlias = tuple[str, bytes, int]
_MOST_OF_A_DOMAIN = 50_000  # rows that are put into a list
_CHUNK = 4000  # rows that a process gets at once, and the rest of their last domain


@dataclass(frozen=True, slots=True)
class MadeReport:
    """A report that was made: its file, and what it counts."""

    domain: str
    file: str
    records: int
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What is made of rows: the reports of a day, as files in a directory, or none of it."""

    day: int
    reporter: Reporter
    directory: str | None

    def __call__(self, rows: Iterable[Row]) -> list[MadeReport]:
        """Make the reports of some domains.  Raises StoreError."""
        from avowal.report.aggregate_mail import file_name
        from avowal.report.aggregate_xml import write_compressed
        from avowal.report.aggregation import aggregate_reports
        from avowal.report.event import EventKey

        made = []
        counts = ((EventKey.of(facts), number) for _, facts, number in rows)
        for report in aggregate_reports(counts, self.day, self.reporter, tell=complain):
            name = file_name(report, self.reporter)
            if self.directory is not None:
                path = Path(self.directory, name)
                try:
                    path.write_bytes(write_compressed(report))
                except OSError as error:
                    raise StoreError(f"{path}: {error.strerror}") from None
            told = MadeReport(report.policy.domain, name, len(report.records), report.messages)
            made.append(told)
        return made


def made_reports(rows: Iterable[Row], making: Making, jobs: int) -> Iterator[MadeReport]:
    """Make the reports of rows that come domain by domain, in their order.

    Few chunks are in memory at once, however many rows there are; a domain of very many is made
    here while they are read.
    """
    chunks = _chunks(rows)
    if jobs == 1:
        for chunk in chunks:
            yield from making(chunk)
        return
    waiting: deque[Future[list[MadeReport]]] = deque()
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        for chunk in chunks:
            if not isinstance(chunk, list):
                while waiting:
                    yield from waiting.popleft().result()
                yield from making(chunk)
                continue
            waiting.append(pool.submit(making, chunk))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def processes() -> int:
    """Return how many processes are of use here."""
    return min(4, len(os.sched_getaffinity(0)))


def _chunks(rows: Iterable[Row]) -> Iterator[Iterable[Row]]:
    """Yield rows in lists that end with a domain; those of a domain of very many as they come."""
    chunk: list[Row] = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        some = list(islice(group, _MOST_OF_A_DOMAIN + 1))
        if len(some) > _MOST_OF_A_DOMAIN:
            if chunk:
                yield chunk
            chunk = []
            yield chain(some, group)  # noqa: B031 - read to its end before the next one
            continue
        chunk += some
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
