"""Key stores by their names: which kind a name is of, made, opened, migrated, kept and restored.

====================================  ==================================================
``/var/lib/avowal/keys.db``           an SQLite file; ``sqlite:PATH`` says so too
``directory:/etc/avowal/keys``        a plain directory
``postgresql://avowal@db/avowal``     PostgreSQL, for several hosts (extra ``sql``)
====================================  ==================================================
"""

from __future__ import annotations

from avowal import paths
from avowal.errors import StoreError
from avowal.paths import UnsafePathError
from avowal.stores import key_tables
from avowal.stores.key_database import DatabaseKeyStore
from avowal.stores.key_dump import MAX_OCTETS, read, written
from avowal.stores.key_schema import NEWEST
from avowal.stores.key_tables import Database

DEFAULT = "/var/lib/avowal/keys.db"
_BACKUP_MODE = 0o600


_KINDS = "a file, directory:PATH or postgresql://USER@HOST/DATABASE"


def _database(name: str, *, create: bool = False) -> Database:
    kind, colon, rest = name.partition(":")
    _refuse_what_is_none(kind, colon, rest)
    if kind in {"postgresql", "postgres"} and colon:
        from avowal.stores.key_postgresql import PostgresqlDatabase  # noqa: PLC0415 - an extra

        return PostgresqlDatabase(name)
    if kind == "directory" and colon:
        from avowal.stores.key_directory import DirectoryDatabase  # noqa: PLC0415 - few have one

        return DirectoryDatabase(rest, create=create)
    from avowal.stores.key_sqlite import SqliteDatabase  # noqa: PLC0415 - loads SQLite

    return SqliteDatabase(rest if kind == "sqlite" and colon else name, create=create)


def _refuse_what_is_none(kind: str, colon: str, rest: str) -> None:
    """Refuse names of no store, which would be taken for files.  Raises StoreError."""
    if not (kind or colon):
        raise StoreError(f"the key store has an empty name: write {_KINDS}")
    if colon and not rest and kind in {"directory", "sqlite"}:
        raise StoreError(f"{kind}: names no path: write {kind}:PATH")
    if colon and rest.startswith("//") and kind not in {"postgresql", "postgres", "sqlite"}:
        # not the whole of it: a password may stand behind the scheme
        raise StoreError(f"{kind}://…: avowal keeps keys in no such store: write {_KINDS}")


def create_key_store(name: str) -> DatabaseKeyStore:
    """Make a key store, or open one that is there.  Raises StoreError."""
    database = _database(name, create=True)
    if key_tables.schema_of(database) == 0:
        key_tables.migrate(database)
    return _opened(database)


def open_key_store(name: str) -> DatabaseKeyStore:
    """Open a key store that is there, of this release's schema.  Raises StoreError."""
    return _opened(_database(name))


def _opened(database: Database) -> DatabaseKeyStore:
    try:
        return DatabaseKeyStore(database)
    except StoreError:
        database.close()
        raise


def path_of(name: str) -> str | None:
    """Return where a store is in the file system; None for one that is not."""
    kind, colon, rest = name.partition(":")
    if kind in {"postgresql", "postgres"} and colon:
        return None
    return rest if kind in {"directory", "sqlite"} and colon else name


def migrate_key_store(name: str, to: int = NEWEST) -> int:
    """Bring a store's schema to a version; return which one it had.  Raises StoreError."""
    database = _database(name)
    try:
        if name.startswith("directory:") and to != NEWEST:
            why = "a directory is read and written in one format only: there is no way back"
            raise StoreError(f"{database.name}: {why}")
        return key_tables.migrate(database, to)
    finally:
        database.close()


def back_up(store: DatabaseKeyStore, path: str) -> int:
    """Write a store to a new file; return the number of its rows.  Raises StoreError."""
    rows = list(store.dump())
    try:
        paths.write_new(path, written(rows), _BACKUP_MODE)
    except FileExistsError:
        raise StoreError(f"{path}: exists already; a backup is never written over") from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
    return len(rows)


def restore(name: str, path: str) -> DatabaseKeyStore:
    """Make a store of a backup, where there is none or an empty one.  Raises StoreError."""
    try:
        octets = paths.read(path, MAX_OCTETS)
    except UnsafePathError as fault:
        raise StoreError(f"{fault.path}: {fault.why}") from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
    rows = list(read(path, octets))  # all is looked at before anything is made
    store = create_key_store(name)
    store.fill(rows)
    return store
