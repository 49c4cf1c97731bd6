"""Checking a configuration (-n): everything is read and every key loaded, as at the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from avowal.config.opendkim_conf import OpendkimConf
from avowal.errors import AvowalError, KeyMaterialError
from avowal.opendkim.keyring import Keyring
from avowal.opendkim.settings import Settings, compiled
from avowal.opendkim.sources import resolver_of

_OK, _CONFIG = 0, 78


def check(conf: OpendkimConf, complain: Callable[[str], None]) -> int:
    """Check; say every fault that is found and return 0 or 78."""
    settings = compiled(conf)
    resolver_of(conf)
    faults = list(table_faults(settings))
    for fault in faults:
        complain(fault)
    return _CONFIG if faults else _OK


def table_faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with rows of KeyTable and SigningTable.

    A key whose path holds the author's domain is known only when a message comes; tables
    that cannot be listed are taken as they are.
    """
    keys, signing = settings.key_table, settings.signing_table
    if keys is None or signing is None:
        return
    keyring = Keyring(
        require_safe=settings.conf.boolean("RequireSafeKeys", default=True),
        algorithm=settings.algorithm,
    )
    for row in _rows(keys.data):
        if "%" in row[1]:
            continue
        try:
            entry = keys.key(row[0], "example.com")
            if entry is not None:
                keyring.key(entry)
        except KeyMaterialError as fault:
            yield f"KeyTable: {row[0]}{row[2]}: {fault}"
    for key, value, place in _rows(signing.data):
        name = value.partition(":")[0].strip()
        if name and name != "%" and keys.data.find(name, 3) is None:
            yield f"SigningTable: {key}{place}: there is no key {name!r} in the KeyTable"


def _rows(data: object) -> Iterator[tuple[str, str, str]]:
    """Yield key, value and place of each row of a data set that can be listed."""
    try:
        for row in data:  # type: ignore[attr-defined] # asked for by trying
            place = f" (line {row.line})" if row.line is not None else ""
            yield row.key, row.value, place
    except (TypeError, AvowalError):
        return
