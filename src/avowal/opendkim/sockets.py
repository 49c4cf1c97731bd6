"""The sockets, opened before anything else: an MTA that comes early waits instead of failing.

Loading keys and an event loop takes a while; a socket that listens queues connections in the
kernel meanwhile.  Where the start fails after all, the socket goes as it came.
"""

from __future__ import annotations

import os
import pwd
from contextlib import ExitStack
from dataclasses import dataclass

from avowal.config.opendkim_conf import OpendkimConf
from avowal.config.origin import Listener
from avowal.errors import ConfigError
from avowal.keys.trust import Account
from avowal.milter.sockets import BindError, ListeningSocket, group_id, open_listener, user_id
from avowal.opendkim.confinement import confined


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom to become (UserID): numbers, and the name for supplementary groups."""

    user: int
    group: int
    name: str

    @classmethod
    def of(cls, text: str) -> Identity:
        """Read ``user[:group]``.  Raises ConfigError for one that does not exist."""
        user, _, group = text.partition(":")
        number = user_id(user)
        try:
            entry = pwd.getpwuid(number)
        except KeyError:
            raise ConfigError(f"no such user '{user}'") from None
        return cls(number, group_id(group) if group else entry.pw_gid, entry.pw_name)

    @property
    def account(self) -> Account:
        """The same with its groups, for those who judge files."""
        return Account.of(self.user, self.group)

    def assume(self) -> None:
        """Run as this user and group from now on; there is no way back."""
        os.initgroups(self.name, self.group)
        os.setgid(self.group)
        os.setuid(self.user)


@dataclass(frozen=True, slots=True)
class Bound:
    """Open sockets, and whom to become once all is read (None: stay who we are)."""

    sockets: tuple[ListeningSocket, ...]
    identity: Identity | None = None

    def close(self) -> None:
        """Close the sockets and remove their names."""
        for listening in self.sockets:
            try:
                listening.close()
            except OSError:
                continue  # privileges are gone: the name stays, and the next start removes it


def bind(conf: OpendkimConf) -> Bound:
    """Open the sockets of a configuration (Socket).  Raises EnvironmentFault and ConfigError."""
    setting = conf.setting("Socket")
    if setting is None:
        raise ConfigError("milter socket must be specified", hint="write Socket, or give -p")
    identity = identity_of(conf)
    if conf.setting("UMask") is not None:
        os.umask(conf.integer("UMask") & 0o777)
    opened: list[ListeningSocket] = []
    with ExitStack() as opening:
        for spec in setting.text.split():
            try:
                opened.append(open_listener(_listener(conf, spec, identity)))
            except BindError as fault:
                raise BindError(str(setting.fault(str(fault)))) from None
            except ConfigError as fault:
                raise setting.fault(fault.why, fault.hint) from None
            opening.callback(opened[-1].close)
        opening.pop_all()
    return Bound(tuple(opened), identity)


def socket_name(spec: str) -> str:
    """Return a socket specification of OpenDKIM in our form: a bare path is a unix socket."""
    kind, colon, rest = spec.partition(":")
    if colon and kind in ("inet", "inet6"):
        port, at, host = rest.partition("@")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        return f"{kind}:{port}{at}{bare}"
    if colon and kind in ("local", "unix"):
        spec = rest
    elif colon and "/" not in kind:
        return spec  # no kind there is: what opens it says so
    return f"unix:{os.path.abspath(spec)}"  # noqa: PTH100 - links are the operator's choice


def confined_name(conf: OpendkimConf, spec: str) -> str:
    """Return the same, for a socket that is opened below ChangeRootDirectory."""
    name = socket_name(spec)
    kind, _, path = name.partition(":")
    return f"unix:{confined(conf, path)}" if kind == "unix" else name


def identity_of(conf: OpendkimConf) -> Identity | None:
    """Return whom root is to become (UserID); None to stay.  Raises ConfigError."""
    setting = conf.setting("UserID")
    if setting is None or os.geteuid() != 0:
        return None
    try:
        return Identity.of(setting.text)
    except ConfigError as fault:
        raise setting.fault(fault.why) from None


def account_of(conf: OpendkimConf) -> Account:
    """Return the user that the filter runs as, in the end."""
    try:
        identity = identity_of(conf)
    except ConfigError:  # whoever opens the sockets or checks says so
        identity = None
    return Account.current() if identity is None else identity.account


def _listener(conf: OpendkimConf, spec: str, identity: Identity | None) -> Listener:
    masked = os.umask(0)
    os.umask(masked)
    return Listener(
        socket=confined_name(conf, spec),
        owner=None if identity is None else str(identity.user),
        group=None if identity is None else str(identity.group),
        mode=f"{0o777 & ~masked:04o}",
    )
