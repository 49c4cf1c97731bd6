"""When a message was received, as its topmost Received field tells.

RFC 6376 §3.5 x=: a signature is judged at the time its message came to the verifier's domain,
where that is known.  In a mailbox the topmost Received is the one that its own host wrote.
"""

from __future__ import annotations

from avowal.message import Header

_MOST = 2000  # octets of a Received field that are looked at
_FIRST, _LAST = 0, 1 << 40  # Unix seconds that are taken for a time


def received_at(header: Header, *, otherwise: int) -> int:
    """Return the time in Unix seconds; `otherwise` where no Received field tells it."""
    from email.utils import mktime_tz, parsedate_tz

    fields = header.named(b"received")
    date = fields[0].value.rpartition(b";")[2][:_MOST] if fields else b""
    try:
        found = parsedate_tz(date.decode("ascii", "replace"))
        moment = otherwise if found is None else int(mktime_tz(found))
    except (ValueError, OverflowError, TypeError):
        return otherwise
    return moment if _FIRST <= moment <= _LAST else otherwise
