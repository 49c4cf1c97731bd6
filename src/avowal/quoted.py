"""dkim-quoted-printable, RFC 6376 §2.11: an escape for octets a tag value cannot hold.

Not the quoted-printable of MIME: no soft line breaks, no line length, and white
space may be put in anywhere after encoding.
"""

from __future__ import annotations

import re
from functools import lru_cache

from avowal.errors import SyntaxFault
from avowal.taglist import first_bare_break, without_fws

_ESCAPE = re.compile(rb"[0-9A-F]{2}")  # upper case only
_SAFE = frozenset(range(0x21, 0x7F)) - frozenset(b";=")


class QuotedFault(SyntaxFault):
    """Octets that are no dkim-quoted-printable."""


def decode(octets: bytes) -> bytes:
    """Decode; FWS between escapes is dropped, raw UTF-8 is kept (RFC 8616 §5).

    Raises QuotedFault, also for a line break that is no fold.
    """
    if (bare := first_bare_break(octets)) is not None:
        raise QuotedFault(bare, "a line break that is no fold")
    text, *escaped = octets.split(b"=")
    pieces = [without_fws(text)]
    position = len(text)
    for piece in escaped:
        if _ESCAPE.match(piece) is None:
            raise QuotedFault(position, "= needs two upper-case hexadecimal digits")
        pieces += (bytes.fromhex(piece[:2].decode()), without_fws(piece[2:]))
        position += 1 + len(piece)
    return b"".join(pieces)


def encode(octets: bytes, *, also: bytes = b"") -> bytes:
    """Encode what must be encoded, and the octets of `also` (``|`` in z= copies, §3.5)."""
    written = _written(also)
    return b"".join([written[octet] for octet in octets])


@lru_cache(maxsize=16)
def _written(also: bytes) -> tuple[bytes, ...]:
    """Return how each of the 256 octets is written."""
    safe = _SAFE - frozenset(also)
    return tuple(b"%c" % octet if octet in safe else b"=%02X" % octet for octet in range(256))
