"""Events in ClickHouse (extra ``clickhouse``): fleets of many hosts, and a long history.

ClickHouse has no transactions over several statements and no updates in place, so what became
of report mails, and failure reports that wait, are in a ledger elsewhere: an SQLite file or
PostgreSQL, which the name of the store brings along (``clickhouse://…?ledger=postgresql://…``).
Without a ledger events are kept, counted and made into reports, but no report is sent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from types import ModuleType
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from avowal.config.redaction import redacted
from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event import Event, EventKey, rules_of
from avowal.report.event_store import DoubtfulWrite, KindsOfRows, LostEvents, Pruned
from avowal.stores import clickhouse_schema as sql
from avowal.stores.clickhouse_batch import EventBatch
from avowal.stores.clickhouse_ledger import named_ledger, opened_ledger
from avowal.stores.event_tables import Cursor, EventTables

SCHEMES: Final = ("clickhouse://", "clickhouses://")
"""The latter over TLS."""
_CONNECT_SECONDS = 5
_REMOVING_SECONDS = 600.0  # ClickHouse writes parts anew without what is removed
_STEP_SECONDS = 0.1
_AT_ONCE = 10_000  # rows of an answer
_KEYS_AT_ONCE = 4000  # in one statement
_SPILLED = {
    "max_block_size": _AT_ONCE,
    "max_bytes_before_external_group_by": 1 << 30,
    "max_bytes_before_external_sort": 1 << 30,
}
T = TypeVar("T")


def driver() -> ModuleType:
    """Import the client.  Raises StoreError."""
    try:
        import clickhouse_driver  # noqa: PLC0415 - an extra: only those who use it need it
    except ImportError:
        raise StoreError(
            "ClickHouse needs clickhouse-driver: pip install 'avowal[clickhouse]'"
        ) from None
    # It logs what it raises too, with a traceback, and a log that nobody set up is printed.
    logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)
    module: ModuleType = clickhouse_driver
    return module


class _Client(Protocol):
    """What is used of clickhouse_driver's client."""

    def execute(self, query: str, params: object = ..., *, query_id: str = ...) -> object: ...
    def execute_iter(
        self, query: str, params: object = ..., *, settings: Mapping[str, object] = ...
    ) -> Iterator[object]: ...
    def disconnect(self) -> None: ...


class ClickhouseEvents(KindsOfRows):
    """A connection to a server; one thread uses it.  Methods raise StoreError."""

    def __init__(self, name: str) -> None:
        """Connect, and make the tables where there are none.  Raises StoreError."""
        module = driver()
        self._name = name
        self._url, self._ledger_name = named_ledger(name, _CONNECT_SECONDS)
        self._from_url = module.Client.from_url
        self._faults: tuple[type[Exception], ...] = (module.errors.Error, OSError, EOFError)
        self._ledger: EventTables | None = None
        self._client = self._connected()
        try:
            for statement in sql.CREATE:
                self._run(statement)
            ((found,),) = self._all(list[tuple[int]], sql.FOUND)
            if found > sql.VERSION:
                raise StoreError(
                    f"the events are of version {found}, and this program knows {sql.VERSION}:"
                    " update it"
                )
            if found < sql.VERSION:
                if not self.number(sql.HAS_BATCH, {}):
                    self._run(sql.ADD_BATCH)
                self._run(sql.MARK, [(sql.VERSION,)])
        except StoreError:
            self._client.disconnect()
            raise

    def _connected(self) -> _Client:
        try:
            client: _Client = self._from_url(self._url)
        except (ValueError, TypeError) as error:  # of the name: nothing is connected to yet
            raise self._told(error) from None
        return client

    # -- writing ---------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> None:
        """Write events: all or none, unless the server dies in the middle.

        After a fault nobody knows which: it is DoubtfulWrite, and writes what is not there.
        """
        batch = EventBatch(events)
        try:
            batch.write(self)
        except StoreError as fault:
            raise DoubtfulWrite(str(fault), partial(_finished, self._name, batch)) from None

    def insert(self, rows: Sequence[tuple[object, ...]], name: str) -> None:
        """Write rows of one day; the server knows the statement by its name."""
        with self._telling():
            self._client.execute(sql.INSERT, rows, query_id=name)

    def note_lost(self, lost: LostEvents) -> None:
        """Count events that were dropped, in the ledger; without one nothing could ask for it."""
        if self._ledger_name is not None:
            self._kept().note_lost(lost)

    # -- reading ---------------------------------------------------------------------------

    def events(self, begin: int, end: int) -> Iterator[Event]:
        """Yield the events of a time, by time."""
        days = {"first": begin // DAY, "last": (end - 1) // DAY}
        for at, host, queue_id, facts, text in self._each(
            tuple[int, str, str | None, str, str | None],
            sql.EVENTS, {"begin": begin, "end": end, **days},
        ):  # fmt: skip
            rules = () if text is None else rules_of(text)
            yield Event(at, host, EventKey.of(facts.encode()), queue_id, rules)

    def rows(
        self, day: int, *, domain: str | None = None, reported: bool = False
    ) -> Iterator[tuple[str, bytes, int]]:
        """Yield the same as it is written: policy domain, octets of the key, messages."""
        statement = sql.rows(domain=domain is not None, reported=reported)
        for where, facts, messages in self._each(
            tuple[str, str, int], statement, {"day": day, "domain": domain or ""}
        ):
            yield where, facts.encode(), messages

    def domains(self, day: int) -> list[str]:
        """Return the policy domains of a day that get reports, in order."""
        return [one for (one,) in self._each(tuple[str], sql.DOMAINS, {"day": day})]

    def days(self) -> list[tuple[int, int]]:
        """Return each day that has counts, and how many messages it had."""
        return self._all(list[tuple[int, int]], sql.DAYS)

    # -- removing --------------------------------------------------------------------------

    def prune(self, *, events_before: int, counts_before: int) -> Pruned:
        """Remove events older than a time; counts of days before a day, and their mails.

        Kinds are not kept by themselves: none of them is counted as gone.
        """
        before = {"before": events_before}
        events = self.number(sql.EVENT_COUNT.format(where=sql.OLD_EVENTS), before)
        counts = self.number(sql.KIND_COUNT.format(where=sql.OLD_COUNTS), {"before": counts_before})
        self._drop("event", events_before // DAY)
        if self.number(sql.EVENT_COUNT.format(where=sql.OLD_EVENTS), before):
            self._delete("event", sql.OLD_EVENTS, before)
        self._drop("event_count", counts_before)
        if self._ledger_name is not None:
            self._kept().prune(events_before=0, counts_before=counts_before)
        return Pruned(events, counts, 0)

    def erase(self, source: str) -> Pruned:
        """Remove whatever names the address of a client; the server lets old parts go later."""
        found = self._each(tuple[str, str], sql.NAMING, {"mark": f"={source}"})
        named = [key for key, facts in found if EventKey.of(facts.encode()).names(source)]
        events, counts, keys = 0, 0, 0
        for at in range(0, max(len(named), 1), _KEYS_AT_ONCE):
            # An empty array has no type that a key could be compared with.
            those = {"source": source, "keys": named[at : at + _KEYS_AT_ONCE] or [""]}
            events += self.number(sql.EVENT_COUNT.format(where=sql.NAMED), those)
            counts += self.number(sql.KIND_COUNT.format(where=sql.NAMED), those)
            keys += self.number(sql.KEY_COUNT.format(where=sql.NAMED), those)
            self._delete("event", sql.NAMED, those)
            self._delete("event_count", sql.NAMED, those)
        if self._ledger_name is not None:
            self._kept().erase(source)
        return Pruned(events, counts, keys)

    def _drop(self, table: str, before: int) -> None:
        days = self._each(tuple[int], sql.PARTS.format(table=table), {"before": before})
        for (day,) in list(days):
            self._run(sql.DROP.format(table=table, day=day))

    def _delete(self, table: str, where: str, values: Mapping[str, object]) -> None:
        self._run(sql.DELETE.format(table=table, where=where), values)
        until = time.monotonic() + _REMOVING_SECONDS
        while self.number(sql.MUTATIONS, {"table": table}):
            if time.monotonic() > until:
                raise StoreError(
                    f"ClickHouse still writes {table} anew without what was removed:"
                    " look at system.mutations"
                )
            time.sleep(_STEP_SECONDS)

    # -- what became of report mails -------------------------------------------------------

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Cursor]:
        """Begin a transaction of the ledger."""
        return self._kept().transaction(writes=writes)

    def statement(self, text: str) -> str:
        """Return a statement as the ledger has it."""
        return self._kept().statement(text)

    def _kept(self) -> EventTables:
        """Open the ledger at its first use: whoever only writes events needs none."""
        if self._ledger is None:
            self._ledger = opened_ledger(self._ledger_name)
        return self._ledger

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        if self._ledger is not None:
            self._ledger.close()

    # -- running ---------------------------------------------------------------------------

    def _run(self, statement: str, values: object = None) -> object:
        with self._telling():
            return self._client.execute(statement, values)

    def _all(self, rows: type[T], statement: str, values: object = None) -> T:
        return msgspec.convert(self._run(statement, values), rows)

    def number(self, statement: str, values: Mapping[str, object]) -> int:
        """Ask for a number."""
        ((found,),) = self._all(list[tuple[int]], statement, values)
        return found

    def _each(self, row: type[T], statement: str, values: Mapping[str, object]) -> Iterator[T]:
        """Yield rows as they come, over a connection of their own."""
        client = self._connected()
        with self._telling(), closing(_Disconnecting(client)):
            for one in client.execute_iter(statement, values, settings=_SPILLED):
                yield msgspec.convert(one, row)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._faults as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> StoreError:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = " ".join(lines[:2]).partition(" Stack trace:")[0] or type(error).__name__
        return StoreError(f"ClickHouse: {redacted(said, urlsplit(self._url).password)}")


class _Disconnecting:
    def __init__(self, client: _Client) -> None:
        self.close = client.disconnect


def _finished(name: str, batch: EventBatch) -> bool:
    """Write what is not there of a batch; it is there then.  Raises StoreError."""
    with closing(ClickhouseEvents(name)) as store:
        batch.finish(store)
    return True
