"""Events in PostgreSQL: one store for several hosts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from secrets import randbits
from types import ModuleType
from typing import ClassVar, Protocol

from avowal.errors import StoreError
from avowal.report.event import Event
from avowal.report.event_store import DoubtfulWrite, Pruned
from avowal.stores.event_tables import Cursor, EventTables

_CONNECT_SECONDS = 5
_MOST_ROWS = 10_000  # of an answer in memory at once
_WRITER = (
    "INSERT INTO event_writer (writer, batch, changed)"
    " VALUES (?, ?, extract(epoch FROM now())::bigint) ON CONFLICT (writer)"
    " DO UPDATE SET batch = excluded.batch, changed = excluded.changed"
)
# A transaction that still ends has its row locked: this waits for it, so long.
_LAST_BATCH = "SELECT batch FROM event_writer WHERE writer = ? FOR UPDATE"
_LOCK_SECONDS = 5
_MIGRATING = 0x6176_6F77  # an advisory lock: hosts that start together make the tables once


def driver() -> ModuleType:
    """Import psycopg.  Raises StoreError."""
    try:
        import psycopg  # noqa: PLC0415 - an extra: only those who use it need it
    except ImportError:
        raise StoreError("PostgreSQL needs psycopg: pip install 'avowal[sql]'") from None
    return psycopg


class _Cursor(Cursor, Protocol):
    itersize: int  # rows that a cursor of the server's brings at once


class _Connection(Protocol):
    """What is used of psycopg's connection, whose own types want literal statements."""

    def transaction(self) -> AbstractContextManager[object]: ...
    def cursor(self, *, name: str = ...) -> AbstractContextManager[_Cursor]: ...
    def close(self) -> None: ...


class PostgresEvents(EventTables):
    """One connection; `conninfo` is a URI or the words of libpq."""

    types: ClassVar[dict[str, str]] = {
        "id": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "octets": "BYTEA",
    }
    generation: ClassVar[str] = "SELECT generation FROM event_schema FOR SHARE"

    def __init__(self, conninfo: str) -> None:
        """Connect and bring the tables to this version.  Raises StoreError."""
        super().__init__()
        psycopg = driver()
        self._conninfo = conninfo
        self._writer = randbits(63)
        self._batch = 0  # the last one whose transaction was begun
        self._begun = False
        self._faults: type[Exception] = psycopg.Error
        try:
            self._connection: _Connection = psycopg.connect(
                conninfo, connect_timeout=_CONNECT_SECONDS, autocommit=True
            )
        except self._faults as error:
            raise self._fault(error) from None
        self.migrate()

    def append(self, events: Sequence[Event]) -> None:
        """Write events and count them: all or none.

        A server that goes away at the end of a transaction does not say which: that fault is
        DoubtfulWrite, and looks for the batch when the server is there again.  The number of the
        transaction would not do: a server that crashed gives it once more.
        """
        self._begun = False
        if not self._batch:  # a row that a transaction can lock, before the first one
            with self.transaction() as cursor:
                self._run(cursor, _WRITER, self._writer, 0)
        try:
            super().append(events)
        except StoreError as fault:
            if not self._begun:
                raise
            wrote = partial(_wrote, self._conninfo, self._writer, self._batch)
            raise DoubtfulWrite(str(fault), wrote) from None

    def writing(self, cursor: Cursor) -> None:
        """Note the batch in its own transaction."""
        self._batch += 1
        self._begun = True
        self._run(cursor, _WRITER, self._writer, self._batch)

    def prune(self, *, events_before: int, counts_before: int) -> Pruned:
        """Remove events older than a time; counts of days before a day, and their mails."""
        with self.transaction() as cursor:
            self._run(cursor, "DELETE FROM event_writer WHERE changed < ?", events_before)
        return super().prune(events_before=events_before, counts_before=counts_before)

    def _fault(self, error: Exception) -> StoreError:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return StoreError(f"PostgreSQL: {lines[0]}")

    def statement(self, text: str) -> str:
        """Return a statement as psycopg has it."""
        return text.replace("?", "%s")

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[Cursor]:
        """Begin a transaction that ends with the block."""
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                yield cursor
        except self._faults as error:
            raise self._fault(error) from None

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """Return a cursor of the server's: rows come as they are wanted."""
        try:
            with (
                self._connection.transaction(),
                self._connection.cursor(name="events") as cursor,
            ):
                cursor.itersize = _MOST_ROWS
                yield cursor
        except self._faults as error:
            raise self._fault(error) from None

    def has_schema(self, cursor: Cursor) -> bool:
        """Whether the tables are there; whoever asks holds the lock until his transaction ends."""
        cursor.execute(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
        cursor.execute("SELECT to_regclass('event_schema') IS NOT NULL")
        found: tuple[bool] = cursor.fetchone()
        return found[0]

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def _wrote(conninfo: str, writer: int, batch: int) -> bool:
    """Look whether a batch is the last one of its writer.  Raises StoreError."""
    with closing(PostgresEvents(conninfo)) as store, store.transaction() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
        store._run(cursor, _LAST_BATCH, writer)
        found: tuple[int] | None = cursor.fetchone()
    return found == (batch,)
