"""File descriptors: as many as the connections, the pages and DNS can need, or no start.

One half is for connections and what goes with them, the other is DNS's (`dns.servers`):
whoever opens connections cannot take the descriptors that answers need.
"""

from __future__ import annotations

import resource
from typing import Final

from avowal.errors import ConfigError

PAGES: Final = 32
"""How many connections for pages (/metrics) may be open at once."""
_OTHERS: Final = 64  # sockets that listen, logs, keys, tables, the numbers of the metrics


def needed(connections: int) -> int:
    """Return how many descriptors a worker needs, DNS included."""
    return 2 * (connections + PAGES + _OTHERS)


def check(connections: int) -> None:
    """Refuse more connections than there may be descriptors for.  Raises ConfigError."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    want = needed(connections)
    if most != resource.RLIM_INFINITY and most < want:
        raise ConfigError(
            f"{connections} connections need {want} file descriptors, and {most} are allowed",
            hint=f"allow more (LimitNOFILE={want} in the unit, ulimit -Hn), "
            f"or at most {max(most // 2 - PAGES - _OTHERS, 1)} connections",
        )


def affordable(connections: int) -> int:
    """Return how many connections there may be, at most so many, and raise the limit for them."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < needed(connections):
        connections = max(most // 2 - PAGES - _OTHERS, 1)
    if needed(connections) <= most or most == resource.RLIM_INFINITY:
        reserve(connections)
    return connections


def reserve(connections: int) -> None:
    """Raise the limit of this process to what is needed.  Raises ConfigError."""
    check(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = needed(connections)
    if soft != resource.RLIM_INFINITY and soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
