"""Which name servers to ask: from what the caller gives or from resolv.conf.

Only numeric addresses: a name of a name server would need a name server.  And how many of
them a process can talk to at once.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from avowal.dns.transport import Server
from avowal.errors import ResolverSetupError

SYSTEM = Path("/etc/resolv.conf")
_SOCKETS, _MOST_SOCKETS = 64, 4096  # where a system has no limit that can be asked; ever
_NAME_THEM = (
    "name the DNS servers to ask: --resolver of the commands, dns.servers of the daemon, "
    "Nameservers of opendkim.conf, nameservers of DnsResolver"
)
_ADDRESS_FORMS = "write 192.0.2.1, 192.0.2.1:5353, 2001:db8::1 or [2001:db8::1]:5353"


def given(nameservers: Sequence[str], *, port: int, trust_ad: bool | None) -> tuple[Server, ...]:
    """Read addresses; raise ResolverSetupError for none, or one that is no address."""
    if not nameservers:
        raise ResolverSetupError(
            f"name servers: the list is empty; {_ADDRESS_FORMS}, or give None for the system's"
        )
    return tuple(_server(text, port, trust_ad) for text in nameservers)


def of_system(path: Path, *, port: int, trust_ad: bool | None) -> tuple[Server, ...]:
    """Read the name servers of a resolv.conf; its search list is never used.

    Its option trust-ad says that the way to these servers is safe (resolv.conf(5)).
    """
    addresses, trusted = addresses_of_system(path)
    if trust_ad is None and trusted:
        trust_ad = True
    try:
        return given(addresses, port=port, trust_ad=trust_ad)
    except ResolverSetupError as fault:
        raise ResolverSetupError(f"{path}: {fault}") from None


def addresses_of_system(path: Path = SYSTEM) -> tuple[tuple[str, ...], bool]:
    """Return the addresses as a resolv.conf has them, and whether it says trust-ad."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ResolverSetupError(f"{path}: {error.strerror}; {_NAME_THEM}") from None
    words = [line.split() for line in lines]
    addresses = tuple(row[1] for row in words if row[:1] == ["nameserver"] and len(row) > 1)
    if not addresses:
        raise ResolverSetupError(f"{path}: no line `nameserver ADDRESS`; {_NAME_THEM}")
    return addresses, any(row[:1] == ["options"] and "trust-ad" in row for row in words)


def half_of_descriptors() -> int:
    """Return how many sockets one resolver may have open; the other half is for the rest."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit  # noqa: PLC0415 - not on every system
    except ImportError:
        return _SOCKETS
    soft, _ = getrlimit(RLIMIT_NOFILE)
    if soft == RLIM_INFINITY:
        return _MOST_SOCKETS
    return min(max(soft // 2, 1), _MOST_SOCKETS)


def bracketed(text: str) -> str:
    """Write ADDRESS@PORT, as opendkim.conf does, in the form `given` reads."""
    address, at, port = text.partition("@")
    return f"[{address}]:{port}" if at else text


def _server(text: str, port: int, trust_ad: bool | None) -> Server:  # noqa: FBT001 - private
    host, given_port = _split(text.strip())
    if given_port is not None and not _is_port(given_port):
        raise ResolverSetupError(f"{text!r}: a port is a number from 1 to 65535")
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        found = socket.getaddrinfo(
            host, given_port or str(port), type=socket.SOCK_DGRAM, flags=flags
        )
    except (OSError, UnicodeError):
        raise ResolverSetupError(
            f"{text!r} is no address of a name server; {_ADDRESS_FORMS}"
        ) from None
    family, _, _, _, address = found[0]
    # The AD bit is worth what the way to the server is worth (RFC 4035 §4.9.3): loopback is
    # safe by itself, any other way is the operator's word.
    loopback = host == "::1" or host.startswith("127.")
    return Server(family, address, loopback if trust_ad is None else trust_ad)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535


def _split(text: str) -> tuple[str, str | None]:
    """Split host and port; the host is not checked here."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if rest.startswith(":"):
            return host, rest[1:]
        return (host, None) if closed and not rest else (text, None)
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None
