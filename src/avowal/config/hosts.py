"""Sets of hosts: addresses, networks, names and domains, with exceptions.

The most specific entry decides: among networks the longest prefix, among names the whole
name before its parent domains.  An entry for the address weighs more than one for the
name, because the name is what somebody's DNS says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple

from avowal.errors import SyntaxFault
from avowal.names import DomainName, NameFault


class Hit(NamedTuple):
    """The entry that decided: its place in the list, and whether it takes the host in."""

    entry: int
    included: bool


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One entry: `network` or `name` (".example.com" for a domain without itself)."""

    network: IPv4Network | IPv6Network | None = None
    name: str | None = None
    included: bool = True

    @classmethod
    def parse(cls, text: str) -> HostEntry:
        """Read ``[!]ADDRESS | NETWORK/BITS | NAME | .DOMAIN``.  Raises SyntaxFault.

        Square brackets around an address are allowed, as in OpenDKIM's lists.
        """
        included = not text.startswith("!")
        bare = text.removeprefix("!").strip()
        if bare.startswith("[") and "]" in bare:
            bare = bare[1:].replace("]", "", 1)
        if _looks_numeric(bare):
            try:
                return cls(network=ip_network(bare, strict=False), included=included)
            except ValueError:
                raise SyntaxFault(0, f"{text!r} is no address or network") from None
        try:
            name = DomainName.parse(bare.removeprefix(".").encode())
        except NameFault as fault:
            raise SyntaxFault(0, f"{text!r} is no host: {fault.why}") from None
        return cls(name="." * bare.startswith(".") + name.ascii, included=included)


class HostSet:
    """A compiled list of entries; a lookup costs as much as there are prefix lengths or labels."""

    __slots__ = ("_entries", "_names", "_networks", "_prefixes")

    def __init__(self, entries: Sequence[HostEntry]) -> None:
        self._entries = tuple(entries)
        self._networks: dict[tuple[int, int, int], Hit] = {}  # version, prefix, network
        self._names: dict[str, Hit] = {}
        for at, entry in enumerate(entries):
            if entry.network is not None:
                self._networks[_network_key(entry.network)] = Hit(at, entry.included)
            elif entry.name is not None:
                self._names[entry.name] = Hit(at, entry.included)
        self._prefixes = {
            version: sorted({p for v, p, _ in self._networks if v == version}, reverse=True)
            for version in (4, 6)
        }

    @classmethod
    def of(cls, *texts: str) -> HostSet:
        """Build a set from its entries as written.  Raises SyntaxFault."""
        return cls([HostEntry.parse(text) for text in texts])

    def find(self, address: IPv4Address | IPv6Address | None, name: str | None) -> Hit | None:
        """Return the entry that decides about a host, None where none speaks of it."""
        if address is not None:
            if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
                address = address.ipv4_mapped
            number, width = int(address), address.max_prefixlen
            for prefix in self._prefixes[address.version]:
                shift = width - prefix
                hit = self._networks.get((address.version, prefix, number >> shift << shift))
                if hit is not None:
                    return hit
        return self._by_name(name) if name and self._names else None

    def holds(self, address: IPv4Address | IPv6Address | None, name: str | None = None) -> bool:
        """Whether a host is in the set."""
        hit = self.find(address, name)
        return hit is not None and hit.included

    def _by_name(self, name: str) -> Hit | None:
        name = name.lower().removesuffix(".")
        hit = self._names.get(name)
        start = name.find(".")
        while hit is None and start >= 0:
            hit = self._names.get(name[start:])
            start = name.find(".", start + 1)
        return hit

    def __len__(self) -> int:
        return len(self._entries)


def _looks_numeric(text: str) -> bool:
    return ":" in text or "/" in text or text.replace(".", "").isdigit()


def _network_key(network: IPv4Network | IPv6Network) -> tuple[int, int, int]:
    return network.version, network.prefixlen, int(network.network_address)
