"""When a message was received, as its topmost Received field tells.

RFC 6376 §3.5 x=: a signature is judged at the time its message came to the verifier's domain,
where that is known.  In a mailbox the topmost Received is the one that its own host wrote.
"""

from __future__ import annotations

from typing import Final

from avowal.dates import seconds_of
from avowal.message import Header

RECEIVED: Final = -1
"""In place of a time: when a message was received."""


def received_at(header: Header, *, otherwise: int) -> int:
    """Return the time in Unix seconds; `otherwise` where no Received field tells it."""
    fields = header.named(b"received")
    found = seconds_of(fields[0].value.rpartition(b";")[2]) if fields else None
    return otherwise if found is None else found
