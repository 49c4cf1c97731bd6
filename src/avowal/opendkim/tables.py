"""Checking KeyTable and SigningTable: every row is of use, or named with its file and line.

OpenDKIM finds out when a message comes, and puts that message off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from avowal.config.mistakes import Mistakes
from avowal.config.opendkim_conf import OpendkimConf
from avowal.errors import AvowalError, ConfigError, KeyMaterialError
from avowal.keys.opendkim import DataSet, KeyTable, TableKey
from avowal.opendkim.keyring import Keyring
from avowal.opendkim.settings import Settings
from avowal.stores.datasets import Row, kind_of

_READ_AT_START = 1000
"""How many keys are read at a start, half a millisecond each; of others it is seen that they can
be."""
_ANY_DOMAIN = "example.com"  # for what does not depend on the author's


def refuse_faulty_tables(settings: Settings, keyring: Keyring, *, root: str | None = None) -> None:
    """Raise ConfigError (`Mistakes`) for rows that are of no use.  `root` as for `table_faults`.

    Keys are read as the user that will read them when a message comes.
    """
    with settings.account.assumed():
        faults = tuple(table_faults(settings, keyring, root=root, most=_READ_AT_START))
    if faults:
        raise Mistakes(faults)


def table_faults(
    settings: Settings, keyring: Keyring, *, root: str | None = None, most: int | None = None
) -> Iterator[ConfigError]:
    """Yield what is wrong with rows of KeyTable and SigningTable.

    `root` is the directory that will be the root when keys are read (ChangeRootDirectory);
    of more than `most` keys it is only looked whether they can be read.  A key whose path
    holds the author's domain is known only when a message comes; tables that cannot be
    listed are taken as they are.
    """
    keys, signing = settings.key_table, settings.signing_table
    if keys is None or signing is None:
        return
    for number, row in enumerate(rows_of(keys.data)):
        try:
            _try(keys, row, keyring, root, read=most is None or number < most)
        except KeyMaterialError as fault:
            yield row_fault(settings.conf, "KeyTable", row, str(fault))
    for row in rows_of(signing.data):
        why = _unsigned(keys.data, row)
        if why is not None:
            yield row_fault(settings.conf, "SigningTable", row, why)


def _try(keys: KeyTable, row: Row, keyring: Keyring, root: str | None, *, read: bool) -> None:
    """Find the key of a row.  Raises KeyMaterialError."""
    entry = keys.key(row.key, _ANY_DOMAIN)
    if entry is None or (entry.path is not None and "%" in row.value.partition(":")[2]):
        return
    if entry.path is not None and root is not None:
        entry = replace(entry, path=str(PurePosixPath(root, entry.path.lstrip("/"))))
    if read or entry.path is None:
        keyring.key(entry)
    else:
        _look(entry, entry.path)


def _look(entry: TableKey, path: str) -> None:
    """See whether a key can be read, without reading it.  Raises KeyMaterialError."""
    if not os.access(path, os.R_OK, effective_ids=True):
        why = "Permission denied" if os.path.lexists(path) else "No such file or directory"
        raise KeyMaterialError(path, why)


def _unsigned(keys: DataSet, row: Row) -> str | None:
    """Return why a row of the SigningTable signs nothing."""
    name = row.value.partition(":")[0].strip()
    if not name:
        return "names no key: write a name of the KeyTable behind it"
    if name == "%" or keys.find(name, 3) is not None:
        return None
    return f"there is no key {name!r} in the KeyTable"


def row_fault(conf: OpendkimConf, option: str, row: Row, why: str) -> ConfigError:
    """Say what is wrong with a row, with its file and line."""
    setting = conf.setting(option)
    if setting is None:
        return ConfigError(f"{row.key}: {why}", key=option)
    if row.line is None:  # of a list in the configuration itself
        return setting.fault(f"{row.key}: {why}")
    path = kind_of(setting.text)[1]
    return ConfigError(f"{row.key}: {why}", file=path, line=row.line, key=option)


def rows_of(data: object) -> Iterator[Row]:
    """Yield the rows of a data set that can be listed."""
    try:
        yield from data  # type: ignore[misc] # asked for by trying
    except (TypeError, AvowalError):
        return
