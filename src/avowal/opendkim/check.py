"""Checking a configuration (-n): everything is read and every key loaded.

What is read at the start is read as at the start; the keys of the KeyTable, which are read when
a message comes, are read as the user that the filter will have become by then (UserID).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from avowal import paths
from avowal.config.hosts import HostEntry
from avowal.config.opendkim_conf import OpendkimConf
from avowal.errors import AvowalError, ConfigError, KeyMaterialError, SyntaxFault
from avowal.keys.opendkim import KeyTable
from avowal.keys.trust import user_name
from avowal.milter.sockets import parse
from avowal.opendkim.keyring import Keyring
from avowal.opendkim.logs import SyslogLog
from avowal.opendkim.settings import Settings, compiled
from avowal.opendkim.sockets import Identity, socket_name
from avowal.opendkim.sources import resolver_of
from avowal.stores.datasets import Row, kind_of

_OK, _CONFIG = 0, 78


def check(conf: OpendkimConf, complain: Callable[[str], None]) -> int:
    """Check; say every fault that is found and return 0 or 78."""
    settings = compiled(conf)
    resolver_of(conf)
    faults = [*_setting_faults(conf), *_host_faults(settings)]
    with settings.account.assumed() as become:
        faults += table_faults(settings)
        reloads = not become or _is_readable(settings)
    for fault in faults:
        complain(fault)
    for note in _notes(settings, become=become, reloads=reloads):
        complain(f"note: {note}")
    return _CONFIG if faults else _OK


def _is_readable(settings: Settings) -> bool:
    """Whether the default key can be read by whoever we are now."""
    if settings.default_key is None:
        return True
    return os.access(settings.default_key.path, os.R_OK, effective_ids=True)


def _notes(settings: Settings, *, become: bool, reloads: bool) -> Iterator[str]:
    """Yield what does not keep the filter from starting."""
    name, user = settings.account.name, settings.conf.setting("UserID")
    if os.geteuid() != 0 and user is not None and not _is_me(user.text):
        yield (
            f"keys were read as {user_name(os.geteuid())}, not as {user.text}:"
            " start -n as root to read them as the filter will"
        )
    elif not become:
        yield f"keys were read as {user_name(os.geteuid())}, who cannot become {name}"
    if not reloads and settings.default_key is not None:
        yield (
            f"KeyFile: {settings.default_key.path}: read at the start, but not by {name}:"
            " a reload will fail"
        )


def _is_me(user: str) -> bool:
    try:
        return Identity.of(user).user == os.geteuid()
    except ConfigError:
        return True  # that it does not exist is said already


def _setting_faults(conf: OpendkimConf) -> Iterator[str]:
    """Yield what is wrong with settings that nothing but the start itself reads."""
    socket = conf.setting("Socket")
    if socket is not None:
        for spec in socket.text.split():
            try:
                parse(socket_name(spec))
            except ConfigError as fault:
                yield str(socket.fault(fault.why, fault.hint))
    user, root = conf.setting("UserID"), conf.setting("ChangeRootDirectory")
    if user is not None:
        try:
            Identity.of(user.text)
        except ConfigError as fault:
            yield str(user.fault(fault.why, fault.hint))
    if root is not None and not Path(root.text).is_dir():
        yield str(root.fault(f"{root.text} is no directory", "make it, or name another one"))
    try:
        SyslogLog(conf)
    except ConfigError as fault:
        yield str(fault)


def _host_faults(settings: Settings) -> Iterator[str]:
    """Yield the entries of sets of hosts that OpenDKIM passes over: they match nobody."""
    sets = {
        "InternalHosts": settings.internal_hosts,
        "ExternalIgnoreList": settings.external_ignore,
        "PeerList": settings.peers,
    }
    for option, data in sets.items():
        for row in _rows(data):
            if "*" in row.key:  # a pattern, or what only a pattern could mean
                continue
            try:
                HostEntry.parse(row.key)
            except SyntaxFault:
                why = "no address, network, host or domain: it matches nobody"
                yield _at(settings.conf, option, row, why)


def table_faults(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with rows of KeyTable and SigningTable.

    A key whose path holds the author's domain is known only when a message comes; tables
    that cannot be listed are taken as they are.
    """
    keys, signing = settings.key_table, settings.signing_table
    if keys is None or signing is None:
        return
    with paths.Directories(settings.account.judge) as held:
        yield from _key_faults(settings, keys, held)
    for row in _rows(signing.data):
        name = row.value.partition(":")[0].strip()
        if name and name != "%" and keys.data.find(name, 3) is None:
            why = f"there is no key {name!r} in the KeyTable"
            yield _at(settings.conf, "SigningTable", row, why)


def _key_faults(settings: Settings, keys: KeyTable, held: paths.Directories) -> Iterator[str]:
    keyring = Keyring(
        require_safe=settings.conf.boolean("RequireSafeKeys", default=True),
        algorithm=settings.algorithm,
        account=settings.account,
        directories=held,
    )
    for row in _rows(keys.data):
        if "%" in row.value:
            continue
        try:
            entry = keys.key(row.key, "example.com")
            if entry is not None:
                keyring.key(entry)
        except KeyMaterialError as fault:
            yield _at(settings.conf, "KeyTable", row, str(fault))


def _at(conf: OpendkimConf, option: str, row: Row, why: str) -> str:
    """Say what is wrong with a row, with its file and line."""
    setting = conf.setting(option)
    if setting is None:
        return str(ConfigError(f"{row.key}: {why}", key=option))
    if row.line is None:  # of a list in the configuration itself
        return str(setting.fault(f"{row.key}: {why}"))
    path = kind_of(setting.text)[1]
    return str(ConfigError(f"{row.key}: {why}", file=path, line=row.line, key=option))


def _rows(data: object) -> Iterator[Row]:
    """Yield the rows of a data set that can be listed."""
    try:
        yield from data  # type: ignore[misc] # asked for by trying
    except (TypeError, AvowalError):
        return
