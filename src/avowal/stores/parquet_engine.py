"""DuckDB over Parquet: segments become parts; parts are counted, joined and cut.

All of its SQL is here.  A part is two files in the directory of its day: ``NAME.events.parquet``
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
from types import ModuleType
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from avowal.dates import date_of
from avowal.errors import StoreError
from avowal.report.event import Event, EventKey, rules_of
from avowal.report.event_store import DAY
from avowal.stores.event_segments import COLUMNS, FIRST_FORM, columns_of, make_private
from avowal.stores.parquet_catalog import Part
from avowal.stores.parquet_faults import FaultWords, require_files

SPILLED: Final = "spilled"
"""The directory in which engines have one each for what is too much for memory."""
MEMORY: Final = "256MB"
"""Of the engine; the rest goes to the disk."""
_THREADS = 2
_FETCHED = 2000  # rows in Python at once
_PATTERN = frozenset("*?[]{}")
T = TypeVar("T")


def driver() -> ModuleType:
    """Import DuckDB.  Raises StoreError."""
    try:
        import duckdb  # noqa: PLC0415 - an extra: only those who use it need it
    except ImportError:
        raise StoreError("Parquet needs DuckDB: pip install 'avowal[reports]'") from None
    return duckdb


class _Connection(Protocol):
    """What is used of DuckDB's connections and cursors, which are one kind."""

    def cursor(self) -> _Connection: ...
    def execute(self, query: str, parameters: Sequence[object] = ..., /) -> object: ...
    def fetchmany(self, size: int, /) -> object: ...
    def close(self) -> None: ...


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
        self._fault: type[Exception] = duckdb.Error
        make_private(f"{directory}/{SPILLED}")  # DuckDB makes the last directory of a path alone
        self._spilled = f"{directory}/{SPILLED}/{token_hex(8)}"
        self._words = FaultWords(duckdb, directory, MEMORY, self._spilled)
        self._connection: _Connection = duckdb.connect(
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
            self._run(_TAKEN)
            for form in (COLUMNS, FIRST_FORM):
                alike = [one for one in segments if columns_of(one) is form]
                if alike:
                    self._run(_read(form), alike)
            self._run(_TAKEN_KINDS)
            days = self._all(list[tuple[int]], _TAKEN_DAYS)
            return [
                self._written(day, 0, (_PACKED_EVENTS, [day]), (_PACKED_KINDS, [day]))
                for (day,) in days
            ]
        finally:
            self._run("DROP TABLE IF EXISTS taken")
            self._run("DROP TABLE IF EXISTS taken_kind")

    def merge(self, parts: Sequence[Part]) -> Part:
        """Make one part of several of a day; all of them have counts, or none has."""
        level = max(part.level for part in parts) + 1
        made = self._written(
            parts[0].day, level, self._copied(parts, 0, ()), (_MERGED_KINDS, [self._kinds(parts)])
        )
        return made if parts[0].messages else replace(made, messages=0)

    def without(self, part: Part, keys: Sequence[bytes], *, before: int = 0) -> Part:
        """Make a part of another: without some kinds, and without events older than a time."""
        names = [key.hex() for key in keys]
        kinds = (_KEPT_KINDS, [self._kinds([part]), names])
        made = self._written(part.day, part.level, self._copied([part], before, names), kinds)
        return made if part.messages else replace(made, messages=0)

    def _copied(
        self, parts: Sequence[Part], before: int, names: Sequence[str]
    ) -> tuple[str, Sequence[object]]:
        files = self._events(parts)
        return (_KEPT_EVENTS, [files, before, list(names)]) if files else (_NO_EVENTS, [])

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
        ((found, messages),) = self._all(list[tuple[int, int]], _SUMS, to_kinds)
        return replace(made, events=count, kinds=found, messages=messages)

    def _write(self, statement: str, parameters: Sequence[object], path: str) -> int:
        literal = path.replace("'", "''")
        copied = f"COPY ({statement}) TO '{literal}' ({_FORM})"
        ((count,),) = self._all(list[tuple[int]], copied, *parameters)
        os.chmod(path, 0o600)  # noqa: PTH101 - as the umask does not have it
        return count

    # -- reading ---------------------------------------------------------------------------

    def events(self, parts: Sequence[Part], begin: int, end: int) -> Iterator[Event]:
        """Yield the events of the parts of one day that are of a time, by time."""
        files = self._events(parts)
        if files:
            for time, host, queue_id, facts, text in self._each(
                list[_EventRow], _EVENTS, self._kinds(parts), files, begin, end
            ):
                rules = () if text is None else rules_of(text)
                yield Event(time, host, EventKey.of(facts.encode()), queue_id, rules)

    def rows(
        self, parts: Sequence[Part], *, domain: str | None, reported: bool
    ) -> Iterator[tuple[str, bytes, int]]:
        """Yield policy domain, octets of the key and messages, domain by domain."""
        files = self._kinds(parts)
        if files:
            for where, facts, messages in self._each(
                list[_KindRow], _ROWS, files, domain, reported
            ):
                yield where or "", facts.encode(), messages

    def domains(self, parts: Sequence[Part]) -> list[str]:
        """Return the policy domains that get reports, in order."""
        files = self._kinds(parts)
        return (
            [domain for (domain,) in self._each(list[tuple[str]], _DOMAINS, files)] if files else []
        )

    def named(self, part: Part, address: str) -> list[tuple[bytes, int]]:
        """Return the kinds that name an address, and how many events are of each."""
        events, kinds = self.files(part)
        require_files([kinds, events] if part.events else [kinds])
        found = self._each(list[tuple[str, str]], _NAMING, kinds, address, f"={address}")
        keys = [key for key, facts in found if EventKey.of(facts.encode()).names(address)]
        counts: dict[str, int] = {}
        if part.events and keys:
            counts.update(self._all(list[tuple[str, int]], _COUNT_OF_KEYS, events, keys))
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


_FORM = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 40960"
_TAKEN = f"""CREATE OR REPLACE TABLE taken
    ({", ".join(f"{name} {kind}" for name, kind in COLUMNS)}, day BIGINT)"""


def _read(form: Sequence[tuple[str, str]]) -> str:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in form)
    return f"""INSERT INTO taken BY NAME SELECT *, time // {DAY} AS day FROM read_csv(?,
        auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
        allow_quoted_nulls = false, columns = {{{columns}}})"""  # noqa: S608 - our own words


_TAKEN_KINDS = """CREATE OR REPLACE TABLE taken_kind AS SELECT key, any_value(domain) AS domain,
    any_value(reported) AS reported, any_value(source) AS source, any_value(facts) AS facts
    FROM taken WHERE facts IS NOT NULL GROUP BY key"""
_TAKEN_DAYS = "SELECT DISTINCT day FROM taken ORDER BY day"
_PACKED_EVENTS = "SELECT time, host, key, queue_id, rules FROM taken WHERE day = ? ORDER BY time"
_PACKED_KINDS = """SELECT k.*, n.messages FROM taken_kind k JOIN
    (SELECT key, count(*) AS messages FROM taken WHERE day = ? GROUP BY key) n USING (key)
    ORDER BY domain, key"""
_SUMS = "SELECT count(*), coalesce(sum(messages), 0)::BIGINT FROM read_parquet(?)"
_WITH_RULES = """(SELECT NULL::VARCHAR AS rules WHERE false UNION ALL BY NAME SELECT * FROM
    read_parquet({files}, hive_partitioning = false, union_by_name = true))"""  # all may lack them
_KEPT_EVENTS = f"""SELECT time, host, key, queue_id, rules FROM {_WITH_RULES.format(files="?")}
    WHERE time >= ? AND NOT list_contains(?::UUID[], key)"""  # noqa: S608 - our own words
_NO_EVENTS = "SELECT 0 WHERE false"
_KEPT_KINDS = """SELECT * FROM read_parquet(?, hive_partitioning = false)
    WHERE NOT list_contains(?::UUID[], key) ORDER BY domain, key"""
_MERGED_KINDS = """SELECT key, any_value(domain) AS domain, any_value(reported) AS reported,
    any_value(source) AS source, any_value(facts) AS facts, sum(messages)::BIGINT AS messages
    FROM read_parquet(?, hive_partitioning = false) GROUP BY key ORDER BY domain, key"""
_EVENTS = f"""SELECT e.time, e.host, e.queue_id, k.facts, e.rules FROM
    {_WITH_RULES.format(files="$2")} e JOIN
    (SELECT key, any_value(facts) AS facts FROM read_parquet($1, hive_partitioning = false)
    GROUP BY key) k USING (key) WHERE e.time >= $3 AND e.time < $4 ORDER BY e.time"""  # noqa: S608 - our own words
_ROWS = """SELECT any_value(domain), any_value(facts), sum(messages)::BIGINT
    FROM read_parquet($1, hive_partitioning = false)
    WHERE ($2 IS NULL OR domain = $2) AND (reported OR NOT $3)
    GROUP BY key ORDER BY 1 NULLS FIRST, key"""
_DOMAINS = """SELECT DISTINCT domain FROM read_parquet(?, hive_partitioning = false)
    WHERE reported ORDER BY domain"""
_NAMING = """SELECT replace(key::VARCHAR, '-', ''), facts FROM
    read_parquet(?, hive_partitioning = false) WHERE source = ? OR contains(facts, ?)"""
_COUNT_OF_KEYS = """SELECT replace(key::VARCHAR, '-', ''), count(*) FROM
    read_parquet(?, hive_partitioning = false) WHERE list_contains(?::UUID[], key) GROUP BY key"""
