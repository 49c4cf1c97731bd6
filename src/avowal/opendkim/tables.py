"""Checking KeyTable and SigningTable: every row is of use, or named with its file and line.

OpenDKIM finds out when a message comes, and puts that message off.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

from avowal import paths
from avowal.config.mistakes import Mistakes
from avowal.config.opendkim_conf import OpendkimConf
from avowal.errors import AvowalError, ConfigError, KeyMaterialError
from avowal.keys.opendkim import DataSet, KeyTable, SigningTable, TableKey
from avowal.keys.trust import group_name
from avowal.opendkim.confinement import below
from avowal.opendkim.keyring import Keyring
from avowal.opendkim.settings import Settings
from avowal.stores.datasets import Row, kind_of

_READ_AT_START = 1000
"""How many keys are read at a start, half a millisecond each; of others it is seen that they can
be."""
_DENIED = os.strerror(errno.EACCES)
_ANY_DOMAIN = "example.com"  # for what does not depend on the author's


class FaultyRow(NamedTuple):
    """A row of a table that is of no use, and why."""

    option: str
    row: Row
    fault: ConfigError


def refuse_faulty_tables(settings: Settings, keyring: Keyring) -> None:
    """Raise `Mistakes` for rows that are of no use, for a reload."""
    with settings.account.assumed():
        found = tuple(table_faults(settings, keyring, at_start=True))
    if found:
        raise Mistakes([one.fault for one in found])


def faults_at_start(
    settings: Settings, keyring: Keyring, *, root: str | None = None
) -> tuple[ConfigError, ...]:
    """Return what is wrong with rows that are of no use.  `root` as for `table_faults`.

    OpenDKIM runs with such rows and puts the mail off that they are for, so that the others
    sign: a start names them and does the same.  Raises `Mistakes` where no row signs.
    """
    with settings.account.assumed():
        found = tuple(table_faults(settings, keyring, root=root, at_start=True))
    faults = tuple(one.fault for one in found)
    if found and not _signs(settings, found):
        raise Mistakes(faults)
    return faults


def _signs(settings: Settings, found: Collection[FaultyRow]) -> bool:
    """Whether a row of the SigningTable is left that can sign."""
    table = settings.signing_table
    unknown = {one.row for one in found if one.option == "SigningTable"}
    broken = {one.row.key.lower() for one in found if one.option == "KeyTable"}
    return table is not None and any(
        row not in unknown and _key_name(row).lower() not in broken for row in rows_of(table.data)
    )


def table_faults(
    settings: Settings, keyring: Keyring, *, root: str | None = None, at_start: bool = False
) -> Iterator[FaultyRow]:
    """Yield what is wrong with rows of KeyTable and SigningTable.

    `root` is the directory that will be the root when keys are read (ChangeRootDirectory).
    `at_start` keys that no row of the SigningTable names are left out, and of more than
    `_READ_AT_START` it is only looked whether they can be read.  A key whose path
    holds the author's domain is known only when a message comes; tables that cannot be
    listed are taken as they are.
    """
    keys, signing = settings.key_table, settings.signing_table
    if keys is None or signing is None:
        return
    yield from _key_faults(settings, keys, signing, keyring, root, at_start=at_start)
    for row in rows_of(signing.data):
        reason = _unsigned(keys.data, row)
        if reason is not None:
            mistake = row_fault(settings.conf, "SigningTable", row, reason)
            yield FaultyRow("SigningTable", row, mistake)


def _key_faults(
    settings: Settings,
    keys: KeyTable,
    signing: SigningTable,
    keyring: Keyring,
    root: str | None,
    *,
    at_start: bool,
) -> Iterator[FaultyRow]:
    named = {_key_name(row).lower() for row in rows_of(signing.data)}
    rows = [row for row in rows_of(keys.data) if not at_start or named & {row.key.lower(), "%"}]
    with paths.Directories(settings.account.judge) as keyring.directories:
        for number, row in enumerate(rows):
            try:
                _try(keys, row, keyring, root, read=not at_start or number < _READ_AT_START)
            except KeyMaterialError as fault:
                why = f"{fault}{_for_whom(settings)}" if fault.why == _DENIED else str(fault)
                yield FaultyRow("KeyTable", row, row_fault(settings.conf, "KeyTable", row, why))
    keyring.directories = None


def _for_whom(settings: Settings) -> str:
    """Say who may not read a key, and what lets it: the layout of the packages."""
    account = settings.account
    if account.user == 0:
        return ""
    group = group_name(account.group)
    return (
        f" for {account.name}: chgrp {group} and chmod 640 it, and let {group} enter the directory"
    )


def _key_name(row: Row) -> str:
    return row.value.partition(":")[0].strip()


def _try(keys: KeyTable, row: Row, keyring: Keyring, root: str | None, *, read: bool) -> None:
    """Find the key of a row.  Raises KeyMaterialError."""
    entry = keys.key(row.key, _ANY_DOMAIN)
    if entry is None or (entry.path is not None and "%" in row.value.partition(":")[2]):
        return
    if entry.path is not None and root is not None:
        entry = replace(entry, path=below(root, entry.path))
    if read or entry.path is None:
        keyring.key(entry)
    else:
        _look(entry, entry.path)


def _look(entry: TableKey, path: str) -> None:
    """See whether a key can be read, without reading it.  Raises KeyMaterialError."""
    if not os.access(path, os.R_OK, effective_ids=True):
        why = _DENIED if os.path.lexists(path) else "No such file or directory"
        raise KeyMaterialError(path, why)


def _unsigned(keys: DataSet, row: Row) -> str | None:
    """Return why a row of the SigningTable signs nothing."""
    name = _key_name(row)
    if not name:
        return "names no key: write a name of the KeyTable behind it"
    if name == "%" or keys.find(name) is not None:
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
