"""``mdb:`` and ``db:`` data sets: key-value files, LMDB and Berkeley DB.

A value holds its fields between colons, as in a text file.  Keys are looked up as given and
then in lower case, for the databases themselves know no letter case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol
from weakref import WeakValueDictionary

from avowal import paths
from avowal.errors import ConfigError, StoreError
from avowal.stores.datasets import Row, split_fields


class _Transaction(Protocol):
    def get(self, key: bytes, /) -> bytes | None: ...
    def cursor(self) -> Iterable[tuple[bytes, bytes]]: ...


class _Environment(Protocol):
    """What is used of an environment of LMDB."""

    def begin(self) -> AbstractContextManager[_Transaction]: ...
    def max_key_size(self) -> int: ...


class _Database(Protocol):
    """What is used of a database of Berkeley DB."""

    def open(self, path: str, /, *, dbtype: int, flags: int) -> object: ...
    def close(self) -> object: ...
    def get(self, key: bytes, /) -> bytes | None: ...
    def items(self) -> Iterable[tuple[bytes, bytes]]: ...


# LMDB opens an environment once in a process: tables of one file share it, and so does a reload.
_ENVIRONMENTS: WeakValueDictionary[str, _Environment] = WeakValueDictionary()
_LONGEST_KEY = 4096  # octets of a Berkeley DB key: more than an address can have


class LmdbSet:
    """A set in an LMDB environment (a directory, or a file)."""

    def __init__(self, path: str) -> None:
        """Open read-only.  Raises ConfigError without the library, StoreError."""
        self.name = f"mdb:{path}"
        try:
            import lmdb  # noqa: PLC0415 - an extra: only those who use it need it
        except ImportError:
            raise ConfigError(
                "needs a library that is not installed",
                key=self.name,
                hint="pip install 'avowal[lmdb]'",
            ) from None
        self._fault: type[Exception] = lmdb.Error
        try:
            paths.look(path)
            kept = _ENVIRONMENTS.get(path)
            self._environment: _Environment = kept or lmdb.open(
                path, readonly=True, lock=False, subdir=not path.endswith(".mdb"), create=False
            )
            _ENVIRONMENTS[path] = self._environment
        except OSError as error:
            raise StoreError(f"{self.name}: {error.strerror}") from None
        except self._fault as error:
            raise StoreError(f"{self.name}: {error}") from None

    def find(self, key: str, fields: int = 1) -> tuple[str, ...] | None:
        """Return the fields of the value of a key, or None."""
        try:
            with self._environment.begin() as transaction:
                value = _found(transaction.get, key, self._environment.max_key_size())
        except self._fault as error:
            raise StoreError(f"{self.name}: {error}") from None
        return None if value is None else split_fields(_text(value), fields)

    def __iter__(self) -> Iterator[Row]:
        with self._environment.begin() as transaction:
            for key, value in transaction.cursor():
                yield Row(_text(key), _text(value))


class BerkeleySet:
    """A set in a Berkeley DB file of any access method."""

    def __init__(self, path: str) -> None:
        """Open read-only.  Raises ConfigError without the library, StoreError."""
        self.name = f"db:{path}"
        try:
            from berkeleydb import db  # noqa: PLC0415 - an extra: only those who use it need it
        except ImportError:
            raise ConfigError(
                "Berkeley DB files need a library that is not installed",
                key=self.name,
                hint="pip install berkeleydb, or write the set to a file: `db_dump -p` shows it",
            ) from None
        self._fault: type[Exception] = db.DBError
        self._database: _Database = db.DB()
        try:
            paths.look(path)
            self._database.open(path, dbtype=db.DB_UNKNOWN, flags=db.DB_RDONLY)
        except OSError as error:
            raise StoreError(f"{self.name}: {error.strerror}") from None
        except self._fault as error:
            self._database.close()
            raise StoreError(f"{self.name}: {error}") from None

    def find(self, key: str, fields: int = 1) -> tuple[str, ...] | None:
        """Return the fields of the value of a key, or None."""
        try:
            value = _found(self._database.get, key, _LONGEST_KEY)
        except self._fault as error:
            raise StoreError(f"{self.name}: {error}") from None
        return None if value is None else split_fields(_text(value), fields)

    def __iter__(self) -> Iterator[Row]:
        for key, value in self._database.items():
            yield Row(_text(key), _text(value))


def _found(get: Callable[[bytes], bytes | None], key: str, most: int) -> bytes | None:
    """Look a key up as it is and in lower case.

    Keys come from strangers: one of other octets than UTF-8 is looked up by its octets, and
    what cannot be a key (nothing, or too much) is not there.
    """
    for spelling in dict.fromkeys((key, key.lower())):
        try:
            octets = spelling.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half a character, which no octets stand for
            return None
        value = get(octets) if 0 < len(octets) <= most else None
        if value:
            return value
    return None


def _text(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode("utf-8", "surrogateescape")
