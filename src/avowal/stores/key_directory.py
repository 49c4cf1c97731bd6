"""The key store in a plain directory, for few domains and for those who want to read it.

The directory has one file, ``keys.jsonl``, in the format of a backup (`stores.key_dump`), and
a lock.  It is read into memory, where the same statements work on it as on a database, and a
change puts a new file in place of the old one by a rename: whatever dies, one of the two is
there, whole.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from avowal import paths
from avowal.errors import StoreError
from avowal.keys.files import meant_for
from avowal.paths import UnsafePathError
from avowal.stores.key_dump import MAX_OCTETS, read, revision_of, written
from avowal.stores.key_sqlite import DIALECT, SqliteDatabase, memory, not_there
from avowal.stores.key_tables import Session, dumped, put_rows, revision_in

_FILE = "keys.jsonl"
_LOCK = "lock"
_MODE = 0o600
_WAIT_SECONDS = 5.0  # for another writer
_PAUSE = 0.05


class DirectoryDatabase:
    """A directory as a database."""

    dialect = DIALECT

    def __init__(self, path: str, *, create: bool = False) -> None:
        """Open.  Raises StoreError."""
        self.name = path
        self._path = os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118 - links count
        self._file = f"{self._path}/{_FILE}"
        self._memory: SqliteDatabase = memory()
        self._octets = b""
        with self._told():
            if create:
                paths.make_directory(self._path, 0o700)
                with self._locked():
                    if not self._is_there():
                        paths.replace(self._file, written(()), _MODE)
            self._load()

    def _is_there(self) -> bool:
        with paths.place(self._file) as there:
            return there.status() is not None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise not_there(self.name) from None
        except UnsafePathError as fault:
            raise StoreError(f"{fault.path}: {fault.why}") from None
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                why = "the disk is full: nothing was written; make room, then do it again"
            raise StoreError(f"{self.name}: {why}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with paths.place(f"{self._path}/{_LOCK}") as there:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(there.name, flags, _MODE, dir_fd=there.directory)
        try:
            self._wait_for(lock)
            yield
        finally:
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    why = "another program holds it locked: nothing was written; try it later"
                    raise StoreError(f"{self.name}: {why}") from None
                time.sleep(_PAUSE)
            else:
                return

    def _load(self) -> None:
        """Read the file, if it is another than the one in memory."""
        octets = paths.read(self._file, MAX_OCTETS, meant_for(self._file).judge, waits=False)
        if octets == self._octets:
            return
        fresh = memory()
        with fresh.writing() as session:
            put_rows(session, read(self._file, octets))
            revision_in(session, revision_of(octets))
        self._memory.close()
        self._memory, self._octets = fresh, octets

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that reads one state."""
        with self._told():
            self._load()
        with self._memory.reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that no other writer runs beside."""
        with self._told(), self._locked():
            self._load()
            before, self._octets = self._octets, b""  # if it fails, the file says what is so
            with self._memory.writing() as session:
                yield session
                octets = written(dumped(session), revision_in(session))
                if octets != before:
                    paths.replace(self._file, octets, _MODE, durable=True, keep_owner=True)
            self._octets = octets

    def has_tables(self) -> bool:
        """Whether the tables are there: always."""
        return True

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
