"""Checking a configuration (-n): everything is read and every key loaded.

What is read at the start is read as at the start; the keys of the KeyTable, which are read when
a message comes, are read as the user that the filter will have become by then (UserID).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from avowal.config.hosts import HostEntry
from avowal.config.opendkim_conf import OpendkimConf
from avowal.errors import ConfigError, SyntaxFault
from avowal.keys.trust import user_name
from avowal.milter.sockets import parse
from avowal.opendkim.keyring import keyring_of
from avowal.opendkim.logs import SyslogLog
from avowal.opendkim.settings import Settings, compiled
from avowal.opendkim.sockets import Identity, socket_name
from avowal.opendkim.sources import resolver_of
from avowal.opendkim.tables import row_fault, rows_of, table_faults

_OK, _CONFIG = 0, 78
_NOBODY = ("-", ".")  # as operators write that a set is empty


def check(conf: OpendkimConf, complain: Callable[[str], None]) -> int:
    """Check; say every fault that is found and return 0 or 78."""
    settings = compiled(conf)
    resolver_of(conf)
    faults = [*_setting_faults(conf), *_host_faults(settings)]
    with settings.account.assumed() as become:
        root = conf.text("ChangeRootDirectory")
        found = table_faults(settings, keyring_of(settings), root=root)
        faults += [str(one.fault) for one in found]
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
    unsigned = settings.conf.text("On-NoSignature")
    if settings.on("AlwaysAddARHeader") and unsigned not in {None, "a", "accept"}:
        yield (
            f"On-NoSignature {unsigned} has no effect beside AlwaysAddARHeader, as in OpenDKIM:"
            " unsigned mail is taken, with dkim=none"
        )
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
        for row in rows_of(data):
            if "*" in row.key or row.key in _NOBODY:  # a pattern, or what only one could mean
                continue
            try:
                HostEntry.parse(row.key)
            except SyntaxFault:
                why = "no address, network, host or domain: it matches nobody"
                yield str(row_fault(settings.conf, option, row, why))
