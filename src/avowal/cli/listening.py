"""The socket on which a command answers over HTTP, and how it is named to the user."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from avowal.errors import UsageError

if TYPE_CHECKING:
    from avowal.milter.sockets import ListeningSocket


def open_socket(address: str, mode: str) -> ListeningSocket:
    """Open a socket, by a specification such as inet:8893@localhost.

    Raises ConfigError, EnvironmentFault.
    """
    from avowal.config.origin import Listener
    from avowal.milter.sockets import open_listener

    try:
        int(mode, 8)
    except ValueError:
        raise UsageError(f"--mode: {mode!r} is no number such as 0660") from None
    return open_listener(Listener(socket=address, mode=mode))


def shown(listener: ListeningSocket) -> str:
    """Say where it listens, with the port that the system chose for 0."""
    name = listener.socket.getsockname()
    if not isinstance(name, tuple):
        return str(listener.listener.socket)
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"


def is_loopback(listening: socket.socket) -> bool:
    """Whether only this machine can connect to a TCP socket."""
    host = str(listening.getsockname()[0])
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback
