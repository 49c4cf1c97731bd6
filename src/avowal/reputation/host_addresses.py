"""The addresses of a host within a time: getaddrinfo(3) itself cannot be told one."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from typing import TypeAlias

HostAddress: TypeAlias = tuple[int, int, int, tuple[object, ...]]
"""Family, kind, protocol, and the address as `socket.connect` takes it."""

_Asked: TypeAlias = "Future[list[HostAddress]]"


class HostAddresses:
    """Asks the system for addresses in threads that are waited for no longer than they may take.

    A look-up that takes longer goes on, and whoever asks for the same host waits for it too:
    there are never more threads than hosts.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], _Asked] = {}
        self._lock = threading.Lock()

    def of(self, host: str, port: int, seconds: float) -> list[HostAddress]:
        """Return the addresses of a host for TCP.  Raises OSError, TimeoutError at the end."""
        with self._lock:
            asked = self._asked.get((host, port))
            if asked is None:
                asked = self._asked[host, port] = Future()
                work = (host, port, asked)
                threading.Thread(target=self._ask, args=work, name="addresses", daemon=True).start()
        try:
            return asked.result(seconds)
        except TimeoutError:
            raise TimeoutError(f"no address of {host} in time") from None

    def _ask(self, host: str, port: int, asked: _Asked) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            fault = error if isinstance(error, OSError) else OSError(f"{host}: no name of a host")
            asked.set_exception(fault)
        else:
            asked.set_result([(row[0], row[1], row[2], row[4]) for row in found])
        finally:
            with self._lock:
                del self._asked[host, port]
