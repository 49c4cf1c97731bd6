"""Events in an SQLite file: the default, for one host and all its worker processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

from avowal import paths
from avowal.errors import StoreError
from avowal.stores.event_tables import Cursor, EventTables
from avowal.stores.sqlite_faults import sqlite_fault
from avowal.stores.sqlite_uri import file_uri

_SECONDS = 10.0  # to wait for other writers; nobody's mail waits with us


class SqliteEvents(EventTables):
    """One connection to a file, which is made where there is none.

    Kept in WAL form: what a transaction wrote outlives the end of the process; a power cut may
    take the last moments.  What is removed is overwritten.
    """

    types: ClassVar[dict[str, str]] = {"id": "INTEGER PRIMARY KEY", "octets": "BLOB"}

    def __init__(self, path: str) -> None:
        """Open the file and bring its tables to this version.  Raises StoreError."""
        super().__init__()
        self._path = path
        try:
            _made(path)
            self._connection = sqlite3.connect(
                file_uri(path), uri=True, timeout=_SECONDS, isolation_level=None,
                check_same_thread=False,
            )  # fmt: skip
            for name, value in _PRAGMAS:
                self._connection.execute(f"PRAGMA {name} = {value}")
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise sqlite_fault(path, error) from None
        self.migrate()

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[Cursor]:
        """Begin a transaction that ends with the block."""
        try:
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            whole = False
            try:
                yield cursor
                whole = True
            finally:
                (self._connection.commit if whole else self._connection.rollback)()
        except sqlite3.Error as error:
            raise sqlite_fault(self._path, error) from None

    def has_schema(self, cursor: Cursor) -> bool:
        """Whether the tables are there."""
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'event_schema'")
        return cursor.fetchone() is not None

    def shrink(self) -> None:
        """Let the removed pages go, and what the log still has of them."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise sqlite_fault(self._path, error) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _made(path: str) -> None:
    """Make an empty file where there is none: no others may read who sent us mail."""
    try:
        paths.look(path)
    except FileNotFoundError:
        with suppress(FileExistsError):
            paths.write_new(path, b"", 0o600)


_PRAGMAS = (
    ("journal_mode", "WAL"),
    ("synchronous", "NORMAL"),
    ("secure_delete", "ON"),
    ("cache_size", "-32000"),  # kB
)
