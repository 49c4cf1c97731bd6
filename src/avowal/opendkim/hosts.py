"""Sets of hosts as OpenDKIM looks them up: by name, then by address, the most specific first.

A key is probed with ``!`` before it, which takes a host out, and without.  Names count with
every domain above them (``.example.com``); addresses alone, in square brackets, and as the
network of every prefix length.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from avowal.keys.opendkim import DataSet, parents


def holds_host(hosts: DataSet, name: str | None, address: str | None) -> bool:
    """Whether a host is in a set, by its name or by its address.  Raises StoreError."""
    return bool(name and holds_name(hosts, name)) or bool(
        address and _holds(hosts, _address_probes(address))
    )


def holds_name(names: DataSet, name: str) -> bool:
    """Whether a name or a domain above it is in a set.  Raises StoreError."""
    lowered = name.lower()
    return _holds(names, (lowered, *parents(lowered)))


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read the address an MTA gives, with or without ``IPv6:`` before it."""
    bare = text[5:] if text[:5].lower() == "ipv6:" else text
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _holds(hosts: DataSet, probes: Iterable[str]) -> bool:
    for probe in probes:
        if hosts.find(f"!{probe}") is not None:
            return False
        if hosts.find(probe) is not None:
            return True
    return False


@lru_cache(maxsize=128)  # both sets are asked for each message, and most hosts send several
def _address_probes(text: str) -> tuple[str, ...]:
    """Return an address and the networks around it, from the smallest to the largest.

    OpenDKIM asks for a network as written with its host part cleared; the brackets of an
    address literal may stand around the address of either.
    """
    address = parsed_address(text)
    if address is None:
        return ()
    kind, number, most = type(address), int(address), address.max_prefixlen
    probes = [str(address), f"[{address}]"]
    for free in range(most + 1):
        network = kind(number >> free << free)  # an IPv4Network would cost ten times as much
        probes += (f"{network}/{most - free}", f"[{network}]/{most - free}")
    return tuple(probes)
