"""The report files of a day, made by several processes: each gets whole domains."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeAlias

from avowal.cli.exits import complain
from avowal.errors import StoreError
from avowal.report.event import split_source

if TYPE_CHECKING:
    from avowal.report.aggregation import Reporter

Row: TypeAlias = tuple[str, bytes, int]
Kind: TypeAlias = tuple[bytes, list[tuple[str, int]]]
"""The facts of messages of one address, and all addresses that they are equal for, with numbers."""
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

    def __call__(self, kinds: Iterable[Kind]) -> list[MadeReport]:
        """Make the reports of some domains.  Raises StoreError."""
        from avowal.report.aggregate_mail import file_name
        from avowal.report.aggregate_xml import write_counted
        from avowal.report.aggregation import counted_reports
        from avowal.report.event import EventKey

        made = []
        read = ((EventKey.of(facts), sources) for facts, sources in kinds)
        alike = (one for one in read if one[0].is_reported)
        for report in counted_reports(alike, self.day, self.reporter, tell=complain):
            name = file_name(report, self.reporter)
            if self.directory is not None:
                path = f"{self.directory}/{name}"
                octets = write_counted(report.metadata, report.policy, report.rows)
                try:
                    with open(path, "wb", buffering=0) as file:  # noqa: PTH123 - hundreds of thousands
                        file.write(octets)
                except OSError as error:
                    raise StoreError(f"{path}: {error.strerror}") from None
            made.append(MadeReport(report.policy.domain, name, report.kinds, report.messages))
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


def _chunks(rows: Iterable[Row]) -> Iterator[Iterable[Kind]]:
    """Yield kinds in lists that end with a domain; those of a domain of very many as they come."""
    chunk: list[Kind] = []
    number = 0
    for _, group in groupby(rows, key=lambda row: row[0]):
        some = list(islice(group, _MOST_OF_A_DOMAIN + 1))
        if len(some) > _MOST_OF_A_DOMAIN:
            if chunk:
                yield chunk
            chunk, number = [], 0
            yield _each(chain(some, group))  # noqa: B031 - read to its end before the next one
            continue
        chunk += _alike(some)
        number += len(some)
        if number >= _CHUNK:
            yield chunk
            chunk, number = [], 0
    if chunk:
        yield chunk


def _alike(rows: Iterable[Row]) -> Iterable[Kind]:
    """Put rows of a domain together that differ in the address alone: they are read once."""
    found: dict[bytes, Kind] = {}
    for _, facts, number in rows:
        source, rest = split_source(facts)
        kind = found.get(rest)
        if kind is None:
            found[rest] = kind = (facts, [])
        kind[1].append((source, number))
    return found.values()


def _each(rows: Iterable[Row]) -> Iterator[Kind]:
    for _, facts, number in rows:
        yield facts, [(split_source(facts)[0], number)]
