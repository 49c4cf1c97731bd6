"""Received reports in PostgreSQL: several hosts read into one store (extra ``sql``).

The tables are in a schema of their own, beside those of events.  Whoever writes a report holds an
advisory lock until it is whole: the same report that comes to two hosts is kept once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol

from avowal.errors import StoreError
from avowal.stores.postgres_events import driver
from avowal.stores.received_queries import Rows
from avowal.stores.received_tables import ReceivedTables

SCHEMA: Final = "avowal_reports"
_CONNECT_SECONDS = 5
_WAIT_SECONDS = 60  # for another writer: a large report takes a while
_WRITING = 0x6176_7272  # the advisory lock of who writes
_TYPES = (
    # Addresses and names are put in order octet by octet, as SQLite does it.
    ("TEXT", 'TEXT COLLATE "C"'),
    ("INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("INTEGER", "BIGINT"),
    # A tree holds no long texts, and receivers choose theirs.  Writers take turns: an outcome
    # that was looked for is not written twice.
    ('facts TEXT COLLATE "C" NOT NULL UNIQUE', 'facts TEXT COLLATE "C" NOT NULL'),
    (",\n                UNIQUE (kind, organization, report_id, domain)", ""),
)
_INDEXES = (
    """CREATE UNIQUE INDEX report_key ON report
        (kind, md5(organization), md5(report_id), md5(domain))""",
    "CREATE INDEX report_number ON report USING hash (report_id)",
    "CREATE INDEX outcome_facts ON outcome USING hash (facts)",
)


class _Cursor(Rows, Protocol):
    @property
    def rowcount(self) -> int: ...
    def executemany(self, statement: str, rows: Sequence[Sequence[object]], /) -> object: ...


class _Connection(Protocol):
    """What is used of psycopg's connection, whose own types want literal statements."""

    def transaction(self) -> AbstractContextManager[object]: ...
    def execute(self, statement: str, parameters: Sequence[object] | None = ..., /) -> _Cursor: ...
    def cursor(self) -> AbstractContextManager[_Cursor]: ...
    def close(self) -> None: ...


class PostgresReceived(ReceivedTables):
    """One connection; the tables are made where there are none, unless they are only to be read."""

    def __init__(self, conninfo: str, *, make: bool = True) -> None:
        """Connect and bring the tables to this version.  Raises StoreError."""
        super().__init__()
        self.name = "PostgreSQL"
        psycopg = driver()
        self._faults: tuple[type[Exception], ...] = (psycopg.Error, UnicodeError)
        try:
            self._connection: _Connection = psycopg.connect(
                conninfo, connect_timeout=_CONNECT_SECONDS, autocommit=True
            )
        except self._faults as error:
            raise self._fault(error) from None
        try:
            if not make and not self._is_made():
                raise StoreError("PostgreSQL: no reports are kept there yet")
            self._execute(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
            if make:
                self._make()
            self._execute(f"SET search_path = {SCHEMA}")
            self.migrate()
        except StoreError:
            self.close()
            raise

    def _is_made(self) -> bool:
        return self._number(f"SELECT (to_regclass('{SCHEMA}.report') IS NOT NULL)::int") == 1

    def _make(self) -> None:
        with self._transaction():  # hosts that start together make it once
            self._execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            self._execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.version (number BIGINT NOT NULL)")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    @property
    def version(self) -> int:
        """The version of the tables."""
        return self._number("SELECT max(number) FROM version") or 0

    def _mark(self, version: int) -> None:
        self._execute("DELETE FROM version")
        self._execute("INSERT INTO version VALUES (?)", (version,))
        if version and self._number("SELECT (to_regclass('report_key') IS NULL)::int"):
            for index in _INDEXES:
                self._execute(index)

    def _schema(self, statement: str) -> str:
        for here, there in _TYPES:
            statement = statement.replace(here, there)
        return statement

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        whole = False
        try:
            with self._connection.transaction():
                self._connection.execute(f"SELECT pg_advisory_xact_lock({_WRITING})")
                yield
            whole = True
        except self._faults as error:
            raise self._fault(error) from None
        finally:
            if not whole:
                self._numbers.clear()  # of outcomes that are undone

    def _execute(self, statement: str, parameters: Sequence[object] = ()) -> _Cursor:
        try:
            return self._connection.execute(_written(statement), _storable(parameters))
        except self._faults as error:
            raise self._fault(error) from None

    def _each(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_written(statement), list(map(_storable, rows)))

    def _inserted(self, statement: str, values: Sequence[object]) -> int | None:
        return self._number(f"{statement} ON CONFLICT DO NOTHING RETURNING id", values)

    def _place(self, path: str) -> str:
        """Files are of a host; a mailbox on a server is the same for all."""
        return f"/{os.uname().nodename}:{path}" if path.startswith("/") else path

    def _fault(self, error: Exception) -> StoreError:
        if type(error).__name__ == "LockNotAvailable":
            return StoreError("PostgreSQL: another program writes reports: do it again later")
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return StoreError(f"PostgreSQL: {lines[0]}")


def _written(statement: str) -> str:
    """Return a statement as psycopg has it, in PostgreSQL's words."""
    text = statement.replace("group_concat(", "string_agg(")
    return text.replace("%", "%%").replace("?", "%s")


def _storable(values: Sequence[object]) -> list[Any]:
    """Return values without NUL, which no text here can have, and which reports may."""
    return [one.replace("\0", "\ufffd") if isinstance(one, str) else one for one in values]
