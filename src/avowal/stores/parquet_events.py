"""Events in Parquet, counted by DuckDB: one host, from a million to a hundred million a day.

A directory.  Whoever writes appends to a segment of its own (`event_segments`) and needs no
DuckDB; whoever reads packs the segments into parts first.  Small parts are merged when they
have become many.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Final

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event import Event
from avowal.report.event_store import KindsOfRows, LostEvents, Pruned
from avowal.stores.event_segments import LEDGER, SegmentWriter, remove_damaged, require_ledger
from avowal.stores.event_tables import Cursor
from avowal.stores.parquet_catalog import Part, PartCatalog
from avowal.stores.parquet_engine import ParquetEngine
from avowal.stores.parquet_faults import MissingPart
from avowal.stores.parquet_files import PartFiles
from avowal.stores.sqlite_events import SqliteEvents

MERGED: Final = 8
"""Parts of a day and level that become one of the next level."""
MERGED_KINDS: Final = 200_000
"""Of messages that a merge puts in order, in some 120 MB; parts of more stay as they are."""


class ParquetEvents(KindsOfRows):
    """A store in a directory.  Methods are called by one thread and raise StoreError."""

    def __init__(self, directory: str) -> None:
        """Make the directory where there is none.  Raises StoreError."""
        directory = directory.rstrip("/") or "/"
        self._writer = SegmentWriter(directory)
        require_ledger(directory)
        self._ledger = SqliteEvents(f"{directory}/{LEDGER}")
        self._catalog = PartCatalog(self._ledger)
        self._files = PartFiles(directory, self._catalog)
        self._engine = ParquetEngine(directory)

    # -- writing ---------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> None:
        """Write events: all of them or none."""
        self._writer.append(events)

    def note_lost(self, lost: LostEvents) -> None:
        """Count events that were dropped."""
        self._ledger.note_lost(lost)

    def pack(self) -> int:
        """Make parts of what was written; return how many events that were."""
        if not self._files.waiting():
            return 0
        with self._files.changing():
            packed = self._packed()
        self._files.sweep()
        return packed

    def _packed(self) -> int:
        events = 0
        for group in self._files.segments():
            parts = self._files.readable(group, self._engine.pack)
            self._catalog.change(added=parts, packed=[one.name for one in group])
            self._files.remove(group)
            events += sum(part.events for part in parts)
        if events:
            self._merge()
        return events

    def _merge(self) -> None:
        while True:
            alike: defaultdict[tuple[int, int, bool], list[Part]] = defaultdict(list)
            for part in self._catalog.parts():
                alike[part.day, part.level, part.messages > 0].append(part)
            many = [
                parts
                for parts in alike.values()
                if len(parts) >= MERGED and sum(part.kinds for part in parts) <= MERGED_KINDS
            ]
            if not many:
                return
            for parts in many:
                self._catalog.change(added=[self._engine.merge(parts)], removed=parts)

    # -- reading ---------------------------------------------------------------------------

    @contextmanager
    def _parts(self, first: int, last: int) -> Iterator[list[Part]]:
        """Give the parts of some days; their files stay while they are read."""
        self.pack()
        with self._files.reading():
            yield self._catalog.parts(first=first, last=last)

    def events(self, begin: int, end: int) -> Iterator[Event]:
        """Yield the events of a time, by time."""
        with self._parts(begin // DAY, (end - 1) // DAY) as parts:
            days: defaultdict[int, list[Part]] = defaultdict(list)
            for part in parts:
                days[part.day].append(part)
            for day in sorted(days):
                yield from self._engine.events(days[day], begin, end)

    def rows(
        self, day: int, *, domain: str | None = None, reported: bool = False
    ) -> Iterator[tuple[str, bytes, int]]:
        """Yield the same as it is written: policy domain, octets of the key, messages."""
        with self._parts(day, day) as parts:
            counted = [part for part in parts if part.messages]
            yield from self._engine.rows(counted, domain=domain, reported=reported)

    def domains(self, day: int) -> list[str]:
        """Return the policy domains of a day that get reports, in order."""
        with self._parts(day, day) as parts:
            return self._engine.domains([part for part in parts if part.messages])

    def days(self) -> list[tuple[int, int]]:
        """Return each day that has counts, and how many messages it had."""
        self.pack()
        counts: Counter[int] = Counter()
        for part in self._catalog.parts():
            counts[part.day] += part.messages
        return sorted((day, messages) for day, messages in counts.items() if messages)

    # -- removing --------------------------------------------------------------------------

    def prune(self, *, events_before: int, counts_before: int) -> Pruned:
        """Remove events older than a time; counts of days before a day, and their mails."""
        gone: Counter[str] = Counter()
        with self._files.changing():
            self._packed()
            for part in self._catalog.parts():
                left = self._left(part, events_before, counts_before)
                if left != part:
                    gone["events"] += part.events - left.events
                    gone["counts"] += part.kinds if left.messages < part.messages else 0
                    stays = left.events or left.messages
                    gone["keys"] += 0 if stays else part.kinds
                    self._catalog.change(removed=[part], added=[left] if stays else [])
            remove_damaged(self._files.directory, before=events_before)
        self._ledger.prune(events_before=0, counts_before=counts_before)
        self._files.sweep()
        return Pruned(gone["events"], gone["counts"], gone["keys"])

    def _left(self, part: Part, events_before: int, counts_before: int) -> Part:
        """Return what is left of a part; files are written anew only in the middle of a day."""
        if part.day < counts_before:
            part = replace(part, messages=0)
        if (part.day + 1) * DAY <= events_before:
            return replace(part, events=0)
        if part.day * DAY < events_before and part.events:
            return self._engine.without(part, (), before=events_before)
        return part

    def erase(self, source: str) -> Pruned:
        """Remove whatever names the address of a client; no file is left that has it.

        A file that is missing keeps none of the others from it; then StoreError says so.
        """
        events, counts, keys = 0, 0, set[bytes]()
        missing: list[str] = []
        with self._files.changing():
            self._packed()
            for part in self._catalog.parts():
                try:
                    named = self._engine.named(part, source)
                except MissingPart as fault:
                    missing.append(str(fault))
                    continue
                if named:
                    left = self._engine.without(part, [key for key, _ in named])
                    self._catalog.change(removed=[part], added=[left] if left.kinds else [])
                    events += part.events - left.events
                    counts += len(named) if part.messages else 0
                    keys.update(key for key, _ in named)
            remove_damaged(self._files.directory, naming=source)
        self._ledger.erase(source)  # of failure reports that wait
        self._files.sweep(wait=True)
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise StoreError(
                f"{events} events and {counts} counts of {source} are gone, but {missing[0]}{more},"
                " and run this again then: it may name the address"
            )
        return Pruned(events, counts, len(keys))

    # -- what became of report mails ----------------------------------------------------------

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Cursor]:
        """Begin a transaction of the tables of report mails."""
        return self._ledger.transaction(writes=writes)

    def statement(self, text: str) -> str:
        """Return a statement as these tables have it."""
        return text

    def close(self) -> None:
        """Let go of everything; what was written stays."""
        self._writer.close()
        self._ledger.close()
        self._engine.close()
