"""The keys of a key store as a data set, for OpenDKIM's KeyTable: ``store:/path/keys.db``.

A row is named for a domain and holds ``domain:selector:path`` of the key that signs for it now:
an RSA key where there is one.  ``example.com/ed25519-sha256`` names the key of an algorithm.
The store is looked at again every two seconds, when somebody asks; where it cannot be read
the rows that are known go on, and the log says so once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import closing

from avowal.errors import KeyMaterialError, StoreError
from avowal.keys.lifecycle import ManagedKey
from avowal.keys.places import Place
from avowal.keys.store import signing_keys
from avowal.stores.datasets import Row
from avowal.stores.key_stores import open_key_store

LOGGER = logging.getLogger("avowal.stores")
_PAUSE = 2.0  # seconds between looks at the store
_FIELDS = 3


class StoredKeySet:
    """The keys that sign, by domain."""

    def __init__(self, store_name: str) -> None:
        """Read the store.  Raises StoreError."""
        self._store = store_name
        self.name = f"store:{store_name}"
        self._rows: Mapping[str, tuple[str, str, str]] = {}
        self._revision = -1
        self._failed = False
        self._read()
        self._next = time.monotonic() + _PAUSE

    def find(self, key: str, fields: int = 1) -> tuple[str, ...] | None:
        """Return the fields of a row, or None."""
        self._refresh()
        row = self._rows.get(key.lower())
        return None if row is None else row[: min(fields, _FIELDS)]

    def __iter__(self) -> Iterator[Row]:
        for name, fields in self._rows.items():
            yield Row(name, ":".join(fields))

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _refresh(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _PAUSE
        try:
            self._read()
            self._failed = False
        except StoreError as fault:
            if not self._failed:
                LOGGER.warning("%s: the keys that are known go on signing", fault)
            self._failed = True

    def _read(self) -> None:
        with closing(open_key_store(self._store)) as store:
            revision = store.revision()
            if revision == self._revision:
                return
            managed = store.keys()
            domains = dict.fromkeys(key.domain for key in managed)
            found = [key for domain in domains for key in signing_keys(store, domain)]
        rows: dict[str, tuple[str, str, str]] = {}
        for key in sorted(found, key=lambda key: key.algorithm == "rsa-sha256"):
            fields = (key.domain.ascii, key.selector.ascii, _path(key))
            rows[key.domain.ascii] = rows[f"{key.domain.ascii}/{key.algorithm}"] = fields
        self._rows, self._revision = rows, revision


def _path(key: ManagedKey) -> str:
    """Return the path of a key's file; another place is named as it is, and opened by nobody."""
    try:
        place = Place.parse(key.private)
    except KeyMaterialError:
        return key.private
    return place.path if place.scheme == "file" and not place.options else key.private
