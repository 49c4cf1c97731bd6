"""Who is asked when a command looks at a key from every side."""

from __future__ import annotations

from avowal.dns.authority import NameServers
from avowal.dns.dnspython import DnsResolver
from avowal.dns.servers import addresses_of_system
from avowal.errors import ResolverSetupError, UsageError
from avowal.keys.observation import Named, Observer


def observer(resolvers: tuple[str, ...], *, port: int = 53, timeout: float = 5.0) -> Observer:
    """Return what looks at names: through each resolver by itself, and at every server.

    `resolvers` are addresses, none for those of the system; `port` is that of the
    authoritative servers.  Raises UsageError and ResolverSetupError.
    """
    named = named_resolvers(resolvers, timeout=timeout)
    return Observer(named, NameServers(port=port, timeout=timeout))


def named_resolvers(resolvers: tuple[str, ...], *, timeout: float = 5.0) -> tuple[Named, ...]:
    """Return each resolver by itself.  Raises UsageError and ResolverSetupError."""
    addresses = resolvers or addresses_of_system()[0]
    try:
        return tuple(
            Named(f"resolver {one}", DnsResolver([one], timeout=timeout)) for one in addresses
        )
    except ResolverSetupError as fault:
        raise UsageError(f"--resolver: {fault}") if resolvers else fault from None
