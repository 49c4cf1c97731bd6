"""Which signatures to check first: those near the author.

A rough look at the octets of From, for the order of work only: junk signatures must not
use up the caps before the author's own is reached (RFC 4686 §4.1.6).  Who the author is for
a policy is read with care elsewhere.
"""

from __future__ import annotations

import re

from avowal.message import Header
from avowal.names import MAX_NAME, DomainName

_AFTER_AT = re.compile(rb"@([A-Za-z0-9._\x80-\xff-]+)")


class Authors:
    """The domains behind an @ in From, at most `most` of them, and the domains above."""

    __slots__ = ("_above", "_domains")

    def __init__(self, header: Header, *, most: int) -> None:
        self._domains: set[bytes] = set()
        self._above: set[bytes] = set()
        for place in header.positions.get(b"from", ()):
            for found in _AFTER_AT.finditer(header.raws[place]):
                if len(self._domains) == most:
                    return
                self._add(found[1].lower())

    def _add(self, domain: bytes) -> None:
        if len(domain) > MAX_NAME or domain in self._domains:
            return
        self._domains.add(domain)
        while b"." in domain:
            domain = domain.partition(b".")[2]
            self._above.add(domain)

    def distance(self, domain: DomainName) -> int:
        """How far d= is from the author: 0 the same domain, 1 one above it, 2 unrelated."""
        written = {domain.ascii.encode(), domain.text.lower().encode()}
        if not self._domains.isdisjoint(written):
            return 0
        return 2 if self._above.isdisjoint(written) else 1
