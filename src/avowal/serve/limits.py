"""What clients may cost: how much, how long, how many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HEAD_SECONDS: Final = 10.0
"""For the head of a request, from the beginning of the connection or the answer before it."""
HEAD_OCTETS: Final = 32 << 10
"""The head of a request; most of it is parameters."""
MOST_PARAMETERS: Final = 1000
MOST_DIGITS: Final = 18
"""Of a number that a client writes."""
LINGER_SECONDS: Final = 5.0
"""For a client that still sends to read why nothing of it is wanted."""
MOST_LATE: Final = 1.5
"""Seconds between two looks at the connections; what a look comes later is our own delay."""
SPARE: Final = 32
"""Connections beyond the limit that are told so, and may read it, at once."""
ANSWER_SECONDS: Final = 40.0
"""Beyond the time for a message: for DNS, and for the client to read the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeLimits:
    """The limits that the operator chooses.

    `octets` of a message, `seconds` for it to arrive, `messages` that are examined at once,
    `connections` that are open at once.
    """

    octets: int = 64 << 20
    seconds: int = 60
    messages: int = 100
    connections: int = 250
