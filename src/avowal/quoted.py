"""dkim-quoted-printable, RFC 6376 §2.11: an escape for octets a tag value cannot hold.

Not the quoted-printable of MIME: no soft line breaks, no line length, and white
space may be put in anywhere after encoding.
"""

from __future__ import annotations

import re

from avowal.errors import SyntaxFault
from avowal.taglist import without_fws

_ESCAPE = re.compile(rb"=([0-9A-F]{2})")  # upper case only
_SAFE = frozenset(range(0x21, 0x7F)) - frozenset(b";=")


class QuotedFault(SyntaxFault):
    """Octets that are no dkim-quoted-printable."""


def decode(octets: bytes) -> bytes:
    """Decode; FWS is dropped first, raw UTF-8 is kept (RFC 8616 §5).  Raises QuotedFault."""
    octets = without_fws(octets)
    if b"=" not in octets:
        return octets
    pieces = []
    position = 0
    while (equals := octets.find(b"=", position)) >= 0:
        escape = _ESCAPE.match(octets, equals)
        if escape is None:
            raise QuotedFault(equals, "= needs two upper-case hexadecimal digits")
        pieces.append(octets[position:equals])
        pieces.append(bytes((int(escape[1], 16),)))
        position = equals + 3
    pieces.append(octets[position:])
    return b"".join(pieces)


def encode(octets: bytes, *, also: bytes = b"") -> bytes:
    """Encode what must be encoded, and the octets of `also` (``|`` in z= copies, §3.5)."""
    safe = _SAFE - frozenset(also)
    return b"".join(b"%c" % octet if octet in safe else b"=%02X" % octet for octet in octets)
