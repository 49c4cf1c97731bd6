"""DuckDB over Parquet: segments become parts; parts are counted, joined and cut.

A part is two files in the directory of its day: ``NAME.events.parquet``
(time, host, key, queue_id, rules; parts of older programs have no rules) and
``NAME.kinds.parquet`` (key, domain, reported, source, facts, messages), the latter in the order
of domains.  Memory is bounded; what needs more goes to a
directory beside the parts while it is needed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from avowal.dates import date_of
from avowal.errors import StoreError
from avowal.report.event import Event, EventKey, rules_of
from avowal.stores import parquet_statements as sql
from avowal.stores.event_segments import COLUMNS, FIRST_FORM, columns_of, make_private
from avowal.stores.parquet_catalog import Part
from avowal.stores.parquet_faults import DuckDbFaults, FaultWords, require_files

SPILLED: Final = "spilled"
"""The directory in which engines have one each for what is too much for memory."""
MEMORY: Final = "256MB"
"""Of the engine; the rest goes to the disk."""
RANGE_KINDS: Final = 100_000
"""Of messages that are put in order at once, in some 60 MB; a domain of more is by itself."""
_THREADS = 2
_FETCHED = 2000  # rows in Python at once
_PATTERN = frozenset("*?[]{}")
T = TypeVar("T")
_Config: TypeAlias = dict[str, str | bool | int | float | list[str]]


def driver() -> DuckDb:
    """Import DuckDB.  Raises StoreError."""
    try:
        import duckdb  # noqa: PLC0415 - an extra: only those who use it need it
    except ImportError:
        raise StoreError("Parquet needs DuckDB: pip install 'avowal[reports]'") from None
    found: DuckDb = duckdb
    return found


class _Connection(Protocol):
    """What is used of DuckDB's connections and cursors, which are one kind."""

    def cursor(self) -> _Connection: ...
    def execute(self, query: str, parameters: Sequence[object] = ..., /) -> object: ...
    def fetchmany(self, size: int, /) -> object: ...
    def close(self) -> None: ...


class DuckDb(DuckDbFaults, Protocol):
    """What is used of the module."""

    def connect(self, database: str, *, config: _Config) -> _Connection: ...


class _EventRow(NamedTuple):
    time: int
    host: str
    queue_id: str | None
    facts: str
    rules: str | None


class _KindRow(NamedTuple):
    domain: str | None
    facts: str
    messages: int


class ParquetEngine:
    """The statements over a directory.  One thread uses it; methods raise StoreError."""

    def __init__(self, directory: str) -> None:
        """Start the engine.  Raises StoreError."""
        if _PATTERN & set(directory):
            raise StoreError(f"{directory}: DuckDB takes {''.join(sorted(_PATTERN))} for patterns")
        duckdb = driver()
        self._directory = directory
        self._fault = duckdb.Error
        make_private(f"{directory}/{SPILLED}")  # DuckDB makes the last directory of a path alone
        self._spilled = f"{directory}/{SPILLED}/{token_hex(8)}"
        self._words = FaultWords(duckdb, directory, MEMORY, self._spilled)
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": MEMORY,
                "threads": min(_THREADS, len(os.sched_getaffinity(0))),
                "temp_directory": self._spilled,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,  # nothing is fetched, ever
                "autoload_known_extensions": False,
            },
        )

    def close(self) -> None:
        """Stop the engine."""
        self._connection.close()
        shutil.rmtree(self._spilled, ignore_errors=True)

    def files(self, part: Part) -> tuple[str, str]:
        """Return the paths of the events and the kinds of a part."""
        begin = f"{self._directory}/day={date_of(part.day)}/{part.name}"
        return f"{begin}.events.parquet", f"{begin}.kinds.parquet"

    # -- making parts ----------------------------------------------------------------------

    def pack(self, segments: Sequence[str]) -> list[Part]:
        """Make parts of segments, one for each day.  Raises Unreadable for what is no segment."""
        try:
            self._run(sql.TAKEN)
            for form in (COLUMNS, FIRST_FORM):
                alike = [one for one in segments if columns_of(one) is form]
                if alike:
                    self._run(sql.read(form), alike)
            self._run(sql.TAKEN_KINDS)
            days = self._all(list[tuple[int]], sql.TAKEN_DAYS)
            return [
                self._written(day, 0, (sql.PACKED_EVENTS, [day]), (sql.PACKED_KINDS, [day]))
                for (day,) in days
            ]
        finally:
            self._run("DROP TABLE IF EXISTS taken")
            self._run("DROP TABLE IF EXISTS taken_kind")

    def merge(self, parts: Sequence[Part]) -> Part:
        """Make one part of several of a day; all of them have counts, or none has."""
        level = max(part.level for part in parts) + 1
        made = self._written(
            parts[0].day,
            level,
            self._copied(parts, 0, ()),
            (sql.MERGED_KINDS, [self._kinds(parts)]),
        )
        return made if parts[0].messages else replace(made, messages=0)

    def without(self, part: Part, keys: Sequence[bytes], *, before: int = 0) -> Part:
        """Make a part of another: without some kinds, and without events older than a time."""
        names = [key.hex() for key in keys]
        kinds = (sql.KEPT_KINDS, [self._kinds([part]), names])
        made = self._written(part.day, part.level, self._copied([part], before, names), kinds)
        return made if part.messages else replace(made, messages=0)

    def _copied(
        self, parts: Sequence[Part], before: int, names: Sequence[str]
    ) -> tuple[str, Sequence[object]]:
        files = self._events(parts)
        return (sql.KEPT_EVENTS, [files, before, list(names)]) if files else (sql.NO_EVENTS, [])

    def _written(
        self, day: int, level: int,
        events: tuple[str, Sequence[object]], kinds: tuple[str, Sequence[object]],
    ) -> Part:  # fmt: skip
        made = Part(name=token_hex(12), day=day, level=level, events=0, kinds=0, messages=0)
        to_events, to_kinds = self.files(made)
        make_private(str(Path(to_events).parent))
        count = self._write(*events, to_events)
        if not count:
            Path(to_events).unlink()
        self._write(*kinds, to_kinds)
        ((found, messages),) = self._all(list[tuple[int, int]], sql.SUMS, to_kinds)
        return replace(made, events=count, kinds=found, messages=messages)

    def _write(self, statement: str, parameters: Sequence[object], path: str) -> int:
        literal = path.replace("'", "''")
        copied = f"COPY ({statement}) TO '{literal}' ({sql.FORM})"
        ((count,),) = self._all(list[tuple[int]], copied, *parameters)
        os.chmod(path, 0o600)  # noqa: PTH101 - as the umask does not have it
        return count

    # -- reading ---------------------------------------------------------------------------

    def events(self, parts: Sequence[Part], begin: int, end: int) -> Iterator[Event]:
        """Yield the events of the parts of one day that are of a time, by time."""
        files = self._events(parts)
        if files:
            for time, host, queue_id, facts, text in self._each(
                list[_EventRow], sql.EVENTS, self._kinds(parts), files, begin, end
            ):
                rules = () if text is None else rules_of(text)
                yield Event(time, host, EventKey.of(facts.encode()), queue_id, rules)

    def rows(
        self, parts: Sequence[Part], *, domain: str | None, reported: bool
    ) -> Iterator[tuple[str, bytes, int]]:
        """Yield policy domain, octets of the key and messages, domain by domain."""
        files = self._kinds(parts)
        if not files:
            return
        for ends in self._ranges(files, reported) if domain is None else [(domain, domain)]:
            statement = sql.ROWS if ends else sql.ROWS_OF_NONE
            for where, facts, messages in self._each(
                list[_KindRow], statement, files, reported, *ends
            ):
                yield where or "", facts.encode(), messages

    def _ranges(self, files: list[str], reported: bool) -> Iterator[tuple[str, ...]]:  # noqa: FBT001
        """Yield ranges of domains, both ends in, of few enough kinds to be put in order at once.

        The files are in the order of domains, so that a range is read without the rest.  The
        first is empty: of kinds without a domain, which are before all others.
        """
        yield ()
        first, last, number = "", "", 0
        counts = self._all(list[tuple[str, int]], sql.KINDS_OF_DOMAINS, files, reported)
        for domain, kinds in counts:
            if number and number + kinds > RANGE_KINDS:
                yield first, last
                number = 0
            first, last, number = first if number else domain, domain, number + kinds
        if number:
            yield first, last

    def domains(self, parts: Sequence[Part]) -> list[str]:
        """Return the policy domains that get reports, in order."""
        files = self._kinds(parts)
        return (
            [domain for (domain,) in self._each(list[tuple[str]], sql.DOMAINS, files)]
            if files
            else []
        )

    def named(self, part: Part, address: str) -> list[tuple[bytes, int]]:
        """Return the kinds that name an address, and how many events are of each."""
        events, kinds = self.files(part)
        require_files([kinds, events] if part.events else [kinds])
        found = self._each(list[tuple[str, str]], sql.NAMING, kinds, address, f"={address}")
        keys = [key for key, facts in found if EventKey.of(facts.encode()).names(address)]
        counts: dict[str, int] = {}
        if part.events and keys:
            counts.update(self._all(list[tuple[str, int]], sql.COUNT_OF_KEYS, events, keys))
        return [(bytes.fromhex(key), counts.get(key, 0)) for key in keys]

    def _events(self, parts: Sequence[Part]) -> list[str]:
        return self._there([self.files(part)[0] for part in parts if part.events])

    def _kinds(self, parts: Sequence[Part]) -> list[str]:
        return self._there([self.files(part)[1] for part in parts])

    def _there(self, files: list[str]) -> list[str]:
        require_files(files)
        return files

    # -- running ---------------------------------------------------------------------------

    def _run(self, statement: str, *parameters: object) -> None:
        try:
            self._connection.execute(statement, parameters)
        except self._fault as error:
            raise self._words.told(error) from None

    def _each(self, rows: type[list[T]], statement: str, *parameters: object) -> Iterator[T]:
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement, parameters)
            while chunk := cursor.fetchmany(_FETCHED):
                yield from msgspec.convert(chunk, rows)
        except self._fault as error:
            raise self._words.told(error) from None
        finally:
            cursor.close()

    def _all(self, rows: type[list[T]], statement: str, *parameters: object) -> list[T]:
        return list(self._each(rows, statement, *parameters))
