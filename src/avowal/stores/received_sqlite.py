"""Received reports in an SQLite file (`avowal.report.received.ReceivedReports`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from avowal.errors import StoreError
from avowal.stores.received_schema import VERSIONS, no_store_of_reports
from avowal.stores.received_tables import ReceivedTables
from avowal.stores.sqlite_faults import sqlite_fault
from avowal.stores.sqlite_uri import file_uri

_SECONDS = 10.0  # to wait for another writer
_PRAGMAS = (("journal_mode", "WAL"), ("synchronous", "NORMAL"), ("temp_store", "MEMORY"))


class SqliteReceived(ReceivedTables):
    """One connection to a file; it is made where there is none, unless it is only to be read."""

    def __init__(self, path: str | Path, *, make: bool = True, version: int | None = None) -> None:
        """Open the file and bring it to a version: the newest, or the one given.

        Raises StoreError.
        """
        super().__init__()
        self.name = str(path)
        mode = "rwc" if make else "rw"
        try:
            self._connection = sqlite3.connect(
                f"{file_uri(self.name)}?mode={mode}", uri=True, timeout=_SECONDS,
                isolation_level=None,
            )  # fmt: skip
            if why := no_store_of_reports(self._connection, self.name):
                raise StoreError(why)
            for name, setting in _PRAGMAS:
                self._connection.execute(f"PRAGMA {name} = {setting}")
        except sqlite3.Error as error:
            raise sqlite_fault(self.name, error) from None
        self.migrate(len(VERSIONS) if version is None else version)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def version(self) -> int:
        """The version of the tables."""
        return self._number("PRAGMA user_version") or 0

    def _mark(self, version: int) -> None:
        self._connection.execute(f"PRAGMA user_version = {version:d}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            whole = False
            try:
                yield
                whole = True
            finally:
                if not whole:
                    self._numbers.clear()  # of outcomes that are undone
                (self._connection.commit if whole else self._connection.rollback)()
        except sqlite3.Error as error:
            raise sqlite_fault(self.name, error) from None

    def _execute(self, statement: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, parameters)
        except sqlite3.Error as error:
            raise sqlite_fault(self.name, error) from None

    def _each(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.executemany(statement, rows)

    def _inserted(self, statement: str, values: Sequence[object]) -> int | None:
        try:
            return int(self._connection.execute(statement, values).lastrowid or 0)
        except sqlite3.IntegrityError:
            return None

    def _shrink(self) -> None:
        self._execute("VACUUM")
        self._execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
