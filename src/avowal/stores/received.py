"""Opening a store of received reports by its name: a file of SQLite, or ``postgresql://…``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from avowal.config.redaction import redacted
from avowal.errors import StoreError
from avowal.stores.received_tables import ReceivedTables

_SERVERS: Final = ("postgresql://", "postgres://")


def open_received(name: str) -> ReceivedTables:
    """Open a store, and make it where there is none.  Raises StoreError."""
    return _opened(name, make=True)


def may_be_there(name: str) -> bool:
    """Whether there is such a file; a server is asked when the store is opened."""
    return name.startswith(_SERVERS) or Path(name).exists()


def open_kept_reports(name: str) -> ReceivedTables:
    """Open a store that somebody read reports into: looking makes none.  Raises StoreError."""
    if not may_be_there(name):
        raise StoreError(f"{name}: no reports are kept there yet: avowal reports read PATH...")
    return _opened(name, make=False)


def shown(name: str) -> str:
    """Return the name of a store as people may see it."""
    return redacted(name)


def _opened(name: str, *, make: bool) -> ReceivedTables:
    if name.startswith(_SERVERS):
        from avowal.stores.received_postgresql import PostgresReceived  # noqa: PLC0415 - few have it

        return PostgresReceived(name, make=make)
    from avowal.stores.received_sqlite import SqliteReceived  # noqa: PLC0415

    if "://" in name:
        raise StoreError(f"{shown(name)}: reports are kept in an SQLite file, or postgresql://…")
    return SqliteReceived(name, make=make)
