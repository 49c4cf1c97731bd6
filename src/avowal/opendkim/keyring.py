"""The private keys behind KeyTable rows, read once and kept until the file changes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from avowal import paths
from avowal.crypto.signing import PrivateKey, parse_private_key
from avowal.errors import KeyMaterialError
from avowal.keys.files import TRIED_KEYS, load_key
from avowal.keys.opendkim import TableKey
from avowal.keys.trust import Account
from avowal.opendkim.settings import Settings

_KEPT = 10_000  # keys; an RSA key takes some 2 kB
_Stamp: TypeAlias = tuple[
    int, int, int
]  # inode, time of the last change, of its mode too, in ns, size
_Kept = TypeVar("_Kept")


@dataclass(slots=True)
class Keyring:
    """Keys by path or text.  Not kept: failures, so that a repaired file works at once.

    `directories` are held open by those who load all keys.  The first `TRIED_KEYS` are tried
    as they are loaded, the others when they sign.
    """

    require_safe: bool = True
    algorithm: str | None = None
    account: Account | None = None
    directories: paths.Directories | None = None
    _by_path: dict[str, tuple[_Stamp, PrivateKey]] = field(default_factory=dict)
    _by_text: dict[str, PrivateKey] = field(default_factory=dict)

    def key(self, entry: TableKey) -> PrivateKey:
        """Return the key of a row.  Raises KeyMaterialError."""
        key = self._of_path(entry.path) if entry.path is not None else self._of_text(entry)
        wanted = entry.algorithm or self.algorithm
        if wanted is not None and key.algorithm != wanted:
            source = entry.path or f"key {entry.name}"
            raise KeyMaterialError(source, f"a key for {key.algorithm}, but {wanted} is asked for")
        return key

    def _of_path(self, path: str) -> PrivateKey:
        try:
            status = os.stat(path)  # noqa: PTH116 - once per signature
        except OSError as error:
            raise KeyMaterialError(f"can't load key from {path}", error.strerror or "") from None
        stamp = status.st_ino, status.st_ctime_ns, status.st_size
        known = self._by_path.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        tried = len(self._by_path) < TRIED_KEYS
        key = load_key(
            path,
            require_safe=self.require_safe,
            account=self.account,
            tried=tried,
            directories=self.directories,
        )
        _bounded(self._by_path)[path] = stamp, key
        return key

    def _of_text(self, entry: TableKey) -> PrivateKey:
        text = entry.inline or ""
        known = self._by_text.get(text)
        if known is None:
            octets = text.replace("\\n", "\n").encode("utf-8", "surrogateescape")
            known = parse_private_key(octets, source=f"key {entry.name}")
            _bounded(self._by_text)[text] = known
        return known


def keyring_of(settings: Settings) -> Keyring:
    """Return the keys of a configuration, none of them read yet."""
    return Keyring(
        require_safe=settings.conf.boolean("RequireSafeKeys", default=True),
        algorithm=settings.algorithm,
        account=settings.account,
    )


def _bounded(kept: dict[str, _Kept]) -> dict[str, _Kept]:
    if len(kept) >= _KEPT:
        kept.pop(next(iter(kept)))
    return kept
