"""Events in PostgreSQL: one store for several hosts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from types import ModuleType
from typing import ClassVar, Protocol

from avowal.errors import StoreError
from avowal.report.event import Event
from avowal.report.event_store import DoubtfulWrite
from avowal.stores.event_tables import Cursor, EventTables

_CONNECT_SECONDS = 5
_MOST_ROWS = 10_000  # of an answer in memory at once
_COMMITTED, _ENDING = 1, 2
_STATUS = (
    f"SELECT CASE txid_status(?) WHEN 'committed' THEN {_COMMITTED}"
    f" WHEN 'in progress' THEN {_ENDING} ELSE 0 END"
)
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
        self._number: int | None = None
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
        DoubtfulWrite, and asks the server when it is there again.
        """
        self._number = None
        try:
            super().append(events)
        except StoreError as fault:
            if self._number is None:
                raise
            raise DoubtfulWrite(str(fault), partial(_wrote, self._conninfo, self._number)) from None

    def writing(self, cursor: Cursor) -> None:
        """Note the number of the transaction."""
        self._number = self._one(cursor, "SELECT txid_current()")

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


def _wrote(conninfo: str, number: int) -> bool:
    """Ask the server whether a transaction came to its end.  Raises StoreError."""
    with closing(PostgresEvents(conninfo)) as store, store.transaction(writes=False) as cursor:
        status = store._one(cursor, _STATUS, number)
    if status == _ENDING:
        raise StoreError("PostgreSQL: a transaction that broke off still ends")
    return status == _COMMITTED
