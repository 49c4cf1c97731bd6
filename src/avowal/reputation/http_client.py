"""One HTTP question to a service, within a deadline, a size and one host.

urllib counts its timeout for each read, so that a server which sends an octet now and then
holds a caller for hours, and follows redirections anywhere.  Here the deadline is over the
whole exchange (addresses of the host, connection, handshake, redirections, answer), and a
redirection to another host, port or scheme is refused: whoever answers in the service's place
could send us to any address of the inside.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, TypeAlias
from urllib.parse import unquote, urljoin, urlsplit

from avowal.reputation.host_addresses import HostAddresses
from avowal.reputation.reputon import MEDIA_TYPE, MOST_OCTETS

_PORTS = {"http": 80, "https": 443}
_MOST_REDIRECTIONS = 3
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_ADDRESSES = HostAddresses()
_HEADERS = {"Accept": MEDIA_TYPE, "User-Agent": "avowal", "Connection": "close"}
_Asked: TypeAlias = tuple[str, bytes | None, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An HTTP response: status, lower-cased field names, at most `MOST_OCTETS` + 1 of it."""

    status: int
    fields: Mapping[str, str]
    body: bytes


def fetch(url: str, seconds: float, clock: Callable[[], float] = time.monotonic) -> HttpReply:
    """Fetch within `seconds`, all in all.

    Raises OSError (TimeoutError at the deadline), HTTPException, and ValueError for a URL of
    another scheme, without a host, or a redirection elsewhere.
    """
    until = clock() + seconds
    for _ in range(1 + _MOST_REDIRECTIONS):
        reply = _once(url, until, clock)
        target = reply.fields.get("location")
        if reply.status not in _REDIRECTIONS or target is None:
            return reply
        further = urljoin(url, target)
        if _origin(further) != _origin(url):
            raise ValueError("redirected to another host")
        url = further
    raise ValueError(f"more than {_MOST_REDIRECTIONS} redirections")


def post(url: str, octets: bytes, content_type: str, seconds: float) -> int:
    """Send octets within `seconds`, all in all; return the status.  No redirection is followed.

    Raises OSError (TimeoutError at the deadline), HTTPException, and ValueError as `fetch`.
    """
    headers = {"User-Agent": "avowal", "Connection": "close", "Content-Type": content_type}
    until = time.monotonic() + seconds
    return _once(url, until, time.monotonic, ("POST", octets, headers)).status


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    place = urlsplit("//" + unquote(parts.netloc))  # {service} with a port expands to host%3Aport
    scheme, host = parts.scheme.lower(), place.hostname
    if scheme not in _PORTS or not host:
        raise ValueError(f"{url}: no URL to ask")
    return scheme, host, place.port or _PORTS[scheme]


def _once(
    url: str, until: float, clock: Callable[[], float], asked: _Asked = ("GET", None, _HEADERS)
) -> HttpReply:
    scheme, host, port = _origin(url)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = HTTPConnection(host, port)
    line = _Line(host, port, until, clock)
    try:
        if scheme == "https":
            line.secure(host)
        connection.sock = line  # as much of a socket as it asks for
        method, body, headers = asked
        connection.request(method, target, body=body, headers=headers)
        with connection.getresponse() as response:
            fields = {name.lower(): value for name, value in response.headers.items()}
            return HttpReply(response.status, fields, response.read(MOST_OCTETS + 1))
    finally:
        line.hang_up()


class _Line:
    """A connection of which every step ends at one moment."""

    def __init__(self, host: str, port: int, until: float, clock: Callable[[], float]) -> None:
        self._until = until
        self._clock = clock
        self._socket = self._connected(host, port)

    def secure(self, host: str) -> None:
        """Go on in TLS, with a certificate of the host's."""
        self._socket.settimeout(self._left())
        self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=host)

    def _left(self) -> float:
        left = self._until - self._clock()
        if left <= 0:
            raise TimeoutError("no answer in time")
        return left

    def _connected(self, host: str, port: int) -> socket.socket:
        fault: OSError = OSError("no address")
        for family, kind, number, address in _ADDRESSES.of(host, port, self._left()):
            opened = socket.socket(family, kind, number)
            try:
                opened.settimeout(self._left())
                opened.connect(address)
            except OSError as error:
                opened.close()
                fault = error
            else:
                return opened
        raise fault

    def sendall(self, octets: bytes) -> None:
        """Send, in the time that is left."""
        self._socket.settimeout(self._left())
        self._socket.sendall(octets)

    def makefile(self, mode: str, *_: Any) -> io.BufferedReader:
        """Return what is read from, for `HTTPResponse`."""
        return io.BufferedReader(_Reading(self))

    def recv_into(self, buffer: Any) -> int:
        """Read what has come, or wait for it in the time that is left."""
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        """Leave it open: `HTTPConnection` closes at the end of the header, before the body."""

    def hang_up(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Reading(io.RawIOBase):
    def __init__(self, line: _Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self._line.recv_into(buffer)
