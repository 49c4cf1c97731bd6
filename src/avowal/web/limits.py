"""What a browser may cost: how large, how many at once, how much is kept and how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_TEXT: Final = 4 << 10
"""Octets of one form field that is no message."""
MOST_NAMES: Final = 1 << 10
"""Octets of the name of a domain, and of selectors, that a form gives."""
PAGE_ROWS: Final = 100
"""Messages of a mailbox on one page."""
CAPTURE_ROWS: Final = 50
"""Captured messages on one page."""
CAPTURE_LOOKED_AT: Final = 256 << 10
"""Octets of a captured message up to which the list of them shows its From and Subject."""
MOST_IDENTITY: Final = 64 << 10
"""Octets of a file of private keys for captured messages."""
SEEN_LINES: Final = 120
"""Lines of one block of octets that a page shows; the hash is of all of them."""
SEEN_OCTETS: Final = 12 << 10
"""Octets of one block of octets that a page shows."""
SEEN_LINE: Final = 400
"""Octets of one line that a page shows."""
SEEN_SIGNATURES: Final = 12
"""Signatures of one message that a page tells; how many more there are, it says."""
SEEN_HOPS: Final = 40
"""Received fields of one message that a page tells; how many more there are, it says."""
SEEN_ROWS: Final = 500
"""Lines of one way back that a page shows, of all its steps together; the rest is counted."""
SEEN_NOTES: Final = 8
"""Oddities of From that a page tells; how many more there are, it says."""
SEEN_EDITS: Final = 40
"""Places that one undo steps through; what is beyond them goes in the last step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebLimits:
    """The limits of one inspector.

    `octets` of a message, `seconds` for it to arrive, `messages` that are examined at once,
    `connections` that are open at once; `kept` reports in memory for `age` seconds, the oldest
    giving way; `search` seconds for finding out what changed.
    """

    octets: int = 64 << 20
    seconds: int = 60
    messages: int = 2
    connections: int = 64
    kept: int = 50
    age: int = 3600
    search: float = 1.0
