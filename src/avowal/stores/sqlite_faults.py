"""What SQLite could not do, in sentences that say what helps."""

from __future__ import annotations

import os
import sqlite3
from typing import Final

from avowal.errors import StoreError

_SAID: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: nothing was written; make room, then do it again",
    sqlite3.SQLITE_BUSY: "another program holds it locked: nothing was written; find it by"
    " `fuser -v` on the file, or do it again later",
    sqlite3.SQLITE_LOCKED: "it is locked: nothing was written; do it again later",
    sqlite3.SQLITE_READONLY: "it cannot be written: look at the owner of the file, of its"
    " directory and of the -wal and -shm files beside it",
    sqlite3.SQLITE_CANTOPEN: "it, or the -wal file beside it, cannot be opened: look at the owner"
    " of the file and of its directory",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore a backup",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database",
    sqlite3.SQLITE_IOERR: "the disk does not read or write",
}


def sqlite_fault(path: str, error: sqlite3.Error) -> StoreError:
    """Return the fault of a file: its name, what SQLite could not do, what helps."""
    code: int = vars(error).get("sqlite_errorcode", 0)  # with the extended part (Python 3.11)
    above = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 - as it was written
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN and not os.path.isdir(above):  # noqa: PTH112
        return StoreError(f"{path}: there is no directory {above}: make it first")
    return StoreError(f"{path}: {_SAID.get(code & 0xFF, str(error))}")
