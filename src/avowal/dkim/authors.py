"""Which signatures to check first: those near the author.

A rough look at the octets of From, for the order of work only: junk signatures must not
use up the limits before the author's own is reached (RFC 4686 §4.1.6).  Who the author is for
a policy is read with care elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from avowal.limits import DEFAULT, Limits
from avowal.message import Header
from avowal.names import DomainName, NameFault

UNRELATED = 2
_AFTER_AT = re.compile(rb"@([A-Za-z0-9._\x80-\xff-]+)")


class Authors:
    """The domains behind an @ in From, as far as the limits go, and the domains above them."""

    __slots__ = ("_above", "_domains")

    def __init__(self, header: Header, limits: Limits = DEFAULT) -> None:
        self._domains: set[str] = set()
        self._above: set[str] = set()
        for written in islice(_written(header), limits.author_mailboxes):
            if len(self._domains) == limits.author_domains:
                break
            self._add(written)

    def _add(self, written: bytes) -> None:
        try:
            name = DomainName.parse(written).ascii
        except NameFault:
            return
        self._domains.add(name)
        while "." in name:
            name = name.partition(".")[2]
            self._above.add(name)

    def distance(self, domain: DomainName) -> int:
        """How far d= is from the author: 0 the same domain, 1 one above it, else `UNRELATED`."""
        if domain.ascii in self._domains:
            return 0
        return 1 if domain.ascii in self._above else UNRELATED


def _written(header: Header) -> Iterator[bytes]:
    for place in header.places(b"from"):
        for found in _AFTER_AT.finditer(header.raws[place]):
            yield found[1]
