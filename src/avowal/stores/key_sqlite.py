"""The key store in an SQLite file: the default, for one host.

The file is made with mode 0600, and judged as a key file is: whoever can write it, or a
directory on the way, chooses what we sign with.  It is in WAL mode, where readers and the one
writer do not wait for each other, and a change is on the disk before `commit` returns.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final

from avowal import paths
from avowal.errors import StoreError
from avowal.keys.files import meant_for
from avowal.paths import Step, UnsafePathError
from avowal.stores.key_rows import Row
from avowal.stores.key_schema import Dialect
from avowal.stores.key_tables import Session, migrate
from avowal.stores.sqlite_faults import sqlite_fault
from avowal.stores.sqlite_uri import file_uri

_WAIT_SECONDS = 5.0  # for another writer
_OLDEST = (3, 37)  # the first with STRICT
_APPLICATION: Final = 0x61766B73  # "avks": what file(1) may say of it
_MODE = 0o600

DIALECT: Final = Dialect(
    whole="INTEGER",
    strict=" STRICT",
    guard=tuple(
        f"CREATE TRIGGER audit_log_no_{verb} BEFORE {verb} ON audit_log"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)


def not_there(path: str) -> StoreError:
    """Return the fault of a key store that is not there: what to do first."""
    above = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 - as it was written
    if not os.path.isdir(above):  # noqa: PTH112
        return StoreError(
            f"{path}: there is no directory {above}: make it, for the user who is to keep the keys:"
            f" install -d -m 700 -o USER {above}"
        )
    return StoreError(f"{path}: there is no key store: make one with avowal keys store create")


class SqliteDatabase:
    """An SQLite file, opened; `create` makes one that is not there."""

    dialect = DIALECT

    def __init__(self, path: str, *, create: bool = False) -> None:
        """Open.  Raises StoreError for a file that is not there, is unsafe, or is no database."""
        self.name = path
        if sqlite3.sqlite_version_info < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise StoreError(f"{path}: needs SQLite {oldest}, this is {sqlite3.sqlite_version}")
        self._stand(path, create=create)
        with self._told():
            self._connection = sqlite3.connect(
                f"{file_uri(path)}?mode=rw",
                uri=True,
                timeout=_WAIT_SECONDS,
                isolation_level=None,  # transactions begin and end where it is said
                check_same_thread=False,
            )
        try:
            with self._told():
                self._prepare()
        except StoreError:
            self.close()
            raise

    def _stand(self, path: str, *, create: bool) -> None:
        """See that the file is there, and that only its owner can change it."""
        whole = os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118 - links count
        try:
            if create:
                with suppress(FileExistsError):
                    paths.write_new(whole, b"", _MODE)
            judge = meant_for(whole).judge
            with paths.place(whole, judge) as there:  # never opened: closing it would let go
                status = (
                    there.status()
                )  # of the locks that SQLite has on it (sqlite.org/howtocorrupt)
                if status is None:
                    raise FileNotFoundError
                if not stat.S_ISREG(status.st_mode):
                    raise UnsafePathError(there.path, "is no regular file")
                judge(Step(there.path, status, os.fstat(there.directory)))
        except UnsafePathError as fault:
            raise StoreError(f"{fault.path}: {fault.why}") from None
        except FileNotFoundError:
            raise not_there(path) from None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None

    def _prepare(self) -> None:
        run = self._connection.execute
        if run("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            if run("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None:
                raise StoreError(f"{self.name}: a database, but no key store of avowal")
            run(f"PRAGMA application_id = {_APPLICATION}")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA trusted_schema = OFF")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in a sentence what SQLite could not do."""
        try:
            yield
        except sqlite3.Error as error:
            raise sqlite_fault(self.name, error) from None

    def run(self, statement: str, given: Mapping[str, object] = {}) -> list[Row]:
        """Run a statement in the transaction that is open."""
        return self._connection.execute(statement, given).fetchall()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Session]:
        with self._told():
            self._connection.execute(begin)
            try:
                yield self
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def reading(self) -> AbstractContextManager[Session]:
        """A transaction that reads one state."""
        return self._transaction("BEGIN")

    def writing(self) -> AbstractContextManager[Session]:
        """A transaction that holds the lock from its beginning."""
        return self._transaction("BEGIN IMMEDIATE")

    def has_tables(self) -> bool:
        """Whether the tables are made."""
        with self._told():
            return bool(self.run("SELECT 1 FROM sqlite_schema WHERE name = 'avowal_keys_meta'"))

    def close(self) -> None:
        """Close the file."""
        with self._told():
            self._connection.close()


def memory() -> SqliteDatabase:
    """Return a store's database that is in memory only."""
    made = SqliteDatabase.__new__(SqliteDatabase)
    made.name = "memory"
    made._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(made)
    return made
