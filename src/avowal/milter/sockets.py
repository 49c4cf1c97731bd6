"""Where the daemon listens: socket specifications, and the listening sockets they become.

Sockets are bound once, by the supervisor and before privileges are dropped, and inherited
by every worker, so that a worker may die or be replaced without a connection being lost.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import re
import socket
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from avowal import paths
from avowal.config.origin import Listener
from avowal.errors import ConfigError, EnvironmentFault

BACKLOG = 512  # connections the kernel keeps while no worker takes them
_FORMS = "write unix:PATH, inet:PORT@HOST, inet6:PORT@HOST or systemd:NAME"
_INET = re.compile(r"(\d{1,5})(?:@(.*))?")
_PATH_OCTETS = 107  # sun_path of unix(7) on Linux, with its final NUL
_DESCRIPTORS = "/proc/self/fd"  # bind(2) and connect(2) know no descriptors of directories
_INSIDE = "socket"
_FIRST_INHERITED = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)


class BindError(EnvironmentFault):
    """A socket cannot be opened; the message says what to do."""


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class InetAddress:
    """A TCP port; an empty host means every address of the machine."""

    family: socket.AddressFamily
    host: str
    port: int

    def __str__(self) -> str:
        kind = "inet6" if self.family is socket.AF_INET6 else "inet"
        return f"{kind}:{self.port}@{self.host}" if self.host else f"{kind}:{self.port}"


@dataclass(frozen=True, slots=True)
class Inherited:
    """A socket that systemd opened; an empty name means the first one."""

    name: str

    def __str__(self) -> str:
        return f"systemd:{self.name}" if self.name else "systemd"


Address = UnixAddress | InetAddress | Inherited


def parse(text: str) -> Address:
    """Read a socket specification, milter(8) style.  Raises ConfigError with a hint."""
    kind, colon, rest = text.partition(":")
    kind = kind.lower()
    if text.startswith("/"):
        return _unix(text)
    if kind in {"unix", "local"} and rest.startswith("/"):
        return _unix(rest)
    if kind == "systemd":
        return Inherited(rest)
    if kind in {"inet", "inet6"} and colon:
        found = _INET.fullmatch(rest)
        if found is not None and int(found[1]) < 1 << 16:
            family = socket.AF_INET6 if kind == "inet6" else socket.AF_INET
            return InetAddress(family, (found[2] or "").strip("[]"), int(found[1]))
    raise ConfigError(f"{text!r} is no socket", key="socket", hint=_FORMS)


def _unix(path: str) -> UnixAddress:
    if len(os.fsencode(path)) > _PATH_OCTETS:
        raise ConfigError(
            f"{path}: a name of a unix socket may have {_PATH_OCTETS} octets",
            key="socket",
            hint="take a shorter path, such as /run/avowal/milter.sock",
        )
    return UnixAddress(path)


# -- opening ---------------------------------------------------------------------------------


@dataclass(slots=True)
class ListeningSocket:
    """An open listening socket, and the listener of the configuration it serves."""

    listener: Listener
    socket: socket.socket
    made: paths.Identity | None = None  # of a name in the file system

    def close(self) -> None:
        """Close it; the name in the file system goes too, if it is still this socket's.

        The name goes first, and once: when the socket is closed, another one may have its number.
        """
        address, made, self.made = parse(self.listener.socket), self.made, None
        if isinstance(address, UnixAddress) and made is not None:
            paths.remove(address.path, made)
        self.socket.close()

    def serves(self, listener: Listener) -> bool:
        """Whether the socket is what a listener of a new configuration asks for."""
        old = self.listener
        return (old.socket, old.owner, old.group, old.mode) == (
            listener.socket, listener.owner, listener.group, listener.mode,
        )  # fmt: skip


def open_listener(listener: Listener) -> ListeningSocket:
    """Open the socket of a listener.  Raises ConfigError and BindError."""
    address = parse(listener.socket)
    if isinstance(address, UnixAddress):
        return _listen_unix(address, listener)
    if isinstance(address, InetAddress):
        return ListeningSocket(listener, _listen_inet(address))
    return ListeningSocket(listener, _inherited(address, os.environ))


def _listen_inet(address: InetAddress) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            address.host or None,
            address.port,
            address.family,
            socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
    except socket.gaierror as error:
        raise BindError(f"{address}: {error.strerror}; name an address of this machine") from None
    opened = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: an answer is one write, and waits for nothing.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.family is socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(found[0][4])
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise BindError(f"{address}: {error.strerror}{_advice(error)}") from None
    opened.setblocking(False)
    return opened


def _listen_unix(address: UnixAddress, listener: Listener) -> ListeningSocket:
    """Open a socket in the file system: whole, with its owner and mode, before it has a name.

    It is bound in a directory that nobody else can enter and linked to its name, so nothing
    that somebody puts there meanwhile is given away or followed.
    """
    owner = -1 if listener.owner is None else user_id(listener.owner)
    group = -1 if listener.group is None else group_id(listener.group)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with paths.place(address.path) as place:
            _remove_stale(place)
            with place.private() as inside:
                opened.bind(f"{_DESCRIPTORS}/{inside}/{_INSIDE}")
                try:
                    if (owner, group) != (-1, -1):
                        os.chown(_INSIDE, owner, group, dir_fd=inside, follow_symlinks=False)
                    os.chmod(_INSIDE, int(listener.mode, 8), dir_fd=inside)
                    opened.listen(BACKLOG)
                    made = _named(place, inside)
                finally:
                    os.unlink(_INSIDE, dir_fd=inside)
    except OSError as error:
        opened.close()
        raise BindError(f"{address}: {error.strerror}{_advice(error)}") from None
    except EnvironmentFault as fault:
        opened.close()
        raise BindError(str(fault)) from None
    opened.setblocking(False)
    return ListeningSocket(listener, opened, made)


def _named(place: paths.Place, inside: int) -> paths.Identity:
    """Give the socket its name; a file that came to stand there is left alone."""
    status = os.stat(_INSIDE, dir_fd=inside, follow_symlinks=False)
    try:
        os.link(
            _INSIDE,
            place.name,
            src_dir_fd=inside,
            dst_dir_fd=place.directory,
            follow_symlinks=False,
        )
    except FileExistsError:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)) from None
    return status.st_dev, status.st_ino


def _remove_stale(place: paths.Place) -> None:
    """Remove a socket nobody listens on any more.  Raises BindError for anything else."""
    found = place.status()
    if found is None:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise BindError(f"{place.path}: exists and is no socket: remove it, or name another path")
    looked_at = os.open(place.name, os.O_PATH | os.O_NOFOLLOW, dir_fd=place.directory)
    try:
        status = os.fstat(looked_at)
        if stat.S_ISSOCK(status.st_mode):
            _refuse_living(place.path, looked_at)
        place.remove((status.st_dev, status.st_ino))
    finally:
        os.close(looked_at)


def _refuse_living(path: str, descriptor: int) -> None:
    """Raise BindError where somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(f"{_DESCRIPTORS}/{descriptor}")
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError as error:
            raise BindError(f"{path}: exists, and {error.strerror}") from None
    raise BindError(f"{path}: another process listens there: stop it first")


def _advice(error: OSError) -> str:
    return _ADVICE.get(error.errno or 0, "")


_ADVICE: Final = {
    errno.EADDRINUSE: ": another process listens there; stop it or choose another port",
    errno.EACCES: ": run as a user who may, or choose a port above 1023 or another directory",
    errno.ENOENT: ": its directory does not exist; make it first",
    errno.EADDRNOTAVAIL: ": no address of this machine",
}


# -- sockets systemd hands over --------------------------------------------------------------


def _inherited(address: Inherited, environment: Mapping[str, str]) -> socket.socket:
    """Take a socket from systemd, sd_listen_fds(3)."""
    count = int(environment.get("LISTEN_FDS", "0") or 0)
    if environment.get("LISTEN_PID") != str(os.getpid()) or count < 1:
        raise BindError(
            f"{address}: systemd handed over no socket; start it through its .socket unit"
        )
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    wanted = address.name or (names[0] if names else "")
    if address.name and wanted not in names[:count]:
        raise BindError(f"{address}: systemd handed over {', '.join(names[:count])} only")
    place = names.index(wanted) if wanted in names else 0
    opened = socket.socket(fileno=os.dup(_FIRST_INHERITED + place))
    opened.setblocking(False)
    return opened


# -- users and groups ------------------------------------------------------------------------


def user_id(name: str) -> int:
    """Return the number of a user given by name or number.  Raises ConfigError."""
    return _number(name, "user", lambda n: pwd.getpwnam(n).pw_uid)


def group_id(name: str) -> int:
    """Return the number of a group given by name or number.  Raises ConfigError."""
    return _number(name, "group", lambda n: grp.getgrnam(n).gr_gid)


def _number(name: str, kind: str, known: Callable[[str], int]) -> int:
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return known(name)
    except KeyError:
        raise ConfigError(
            f"there is no {kind} {name!r}", key=kind, hint=f"create it, or name another {kind}"
        ) from None
