"""Which connection gives way when there are too many: the one that matters least.

An MTA negotiates as soon as it has connected, speaks while its SMTP session lasts, and
quits.  So what has not negotiated counts for little, what is silent between messages for
less than what carries one, and no host may hold all places.  Nothing here closes anything:
the answers are connections for the server to close.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final, Protocol

NEGOTIATION_SECONDS: Final = 10.0
"""For an MTA to negotiate after it connected: Postfix and Sendmail do it at once."""
UNSPOKEN: Final = 64
"""How many connections may not have negotiated yet; beyond it the oldest of them gives way."""
SILENT_SECONDS: Final = 30.0
"""From this silence between messages a connection gives way to one that waits for a place."""
STALLED_SECONDS: Final = 60.0
"""The same for a connection within a message, where none between messages can."""


class Admitted(Protocol):
    """A connection, as far as it matters here; `peer` is its host, None for a unix socket."""

    @property
    def peer(self) -> str | None: ...

    @property
    def in_message(self) -> bool: ...

    @property
    def made_at(self) -> float: ...

    @property
    def active_at(self) -> float: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


@dataclass(slots=True)
class Admission:
    """Knows the connections of a worker; `most_per_peer` is the share of one host."""

    most_per_peer: int
    unspoken: dict[Admitted, None] = field(default_factory=dict)
    """Those that have not negotiated, oldest first."""
    _peers: dict[str, dict[Admitted, None]] = field(default_factory=dict)

    def come(self, one: Admitted, now: float) -> Admitted | None:
        """Note a connection; return the one that has to give way to it, perhaps itself."""
        self.unspoken[one] = None
        if one.peer is not None:
            mates = self._peers.setdefault(one.peer, {})
            mates[one] = None
            if len(mates) > self.most_per_peer:
                spoken = [mate for mate in mates if mate not in self.unspoken]
                oldest = next(mate for mate in self.unspoken if mate.peer == one.peer)
                if oldest is not one:
                    return oldest
                return giving_way(spoken, now, silent=0.0) or one
        return next(iter(self.unspoken)) if len(self.unspoken) > UNSPOKEN else None

    def negotiated(self, one: Admitted) -> None:
        """Note that a connection has negotiated."""
        self.unspoken.pop(one, None)

    def gone(self, one: Admitted) -> None:
        """Forget a connection."""
        self.unspoken.pop(one, None)
        if one.peer is not None:
            mates = self._peers.get(one.peer, {})
            mates.pop(one, None)
            if not mates:
                self._peers.pop(one.peer, None)

    def late(self, now: float) -> list[Admitted]:
        """Return those that have not negotiated in time."""
        return [one for one in self.unspoken if one.made_at < now - NEGOTIATION_SECONDS]


def giving_way(
    connections: Iterable[Admitted], now: float, *, silent: float = SILENT_SECONDS
) -> Admitted | None:
    """Return the connection that a new one may replace, None where all are of use."""
    between: Admitted | None = None
    stalled: Admitted | None = None
    for one in connections:
        if one.in_message:
            if stalled is None or one.active_at < stalled.active_at:
                stalled = one
        elif between is None or one.active_at < between.active_at:
            between = one
    if between is not None and between.active_at <= now - silent:
        return between
    if stalled is not None and stalled.active_at <= now - STALLED_SECONDS:
        return stalled
    return None


def host_of(sock: socket.socket) -> str | None:
    """Return who is at the other end: an address, of IPv6 the network of one host, or nobody.

    Whoever has IPv6 has a network of 64 bits at least (RFC 6177 §2).
    """
    if sock.family == socket.AF_UNIX:
        return None
    try:
        address = str(sock.getpeername()[0]).partition("%")[0]
    except OSError:
        return ""  # it is gone already
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address
