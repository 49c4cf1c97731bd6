"""What stands beyond a limit of a header: counted by name, its From fields kept, the rest let go.

A header beyond a limit is never judged as if what was read of it were all: what it says of
its end is `Header.beyond`.  The fields that a border has to remove are known by their number,
and every From field is looked at, as far as a limit of its own goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from avowal.valueclass import value

LimitName: TypeAlias = Literal["header_octets", "header_fields"]

AUTHOR_NAME = b"from"
COUNTED = frozenset((
    b"arc-authentication-results", b"arc-message-signature", b"arc-seal",
    b"authentication-results", b"dkim-signature", AUTHOR_NAME,
))  # fmt: skip
"""The lower-cased names that are counted beyond a limit whether they stand within it or not."""


@value
class Beyond:
    """That a header goes on beyond a limit, and what is known of the rest.

    `limit` is the name of the limit in `Limits`, `fields` the number of all fields of the
    header.  `counts` has for lower-cased names how many instances stand beyond the limit and
    were not kept: for the names that occur within the limit and for `COUNTED`.  From fields
    are kept, at the end of the header; `authors_dropped` says that not all of them were.
    """

    limit: LimitName
    fields: int
    counts: Mapping[bytes, int]
    authors_dropped: bool = False

    def count(self, name: bytes) -> int:
        """Return how many instances of a lower-cased name were not kept."""
        return self.counts.get(name, 0)

    def __str__(self) -> str:
        return f"the header of {self.fields} fields is beyond limits.{self.limit}"


class Surplus:
    """Takes the fields of one header that stand beyond a limit, from top to bottom.

    `kept` are the lower-cased names of the fields within the limit, `watched` further names to
    count; `author_octets` and `author_fields` limit the From fields to keep.
    """

    __slots__ = ("_authors", "_counts", "_dropped", "_limit", "_room", "fields", "kept")

    def __init__(
        self,
        limit: LimitName,
        kept: Iterable[bytes],
        *,
        author_octets: int,
        author_fields: int,
        watched: frozenset[bytes] = frozenset(),
    ) -> None:
        self._limit = limit
        self._counts = dict.fromkeys((*COUNTED, *watched, *kept), 0)
        self._counts.pop(b"", None)  # lines that are no fields
        self._room = author_octets
        self._authors = author_fields
        self._dropped = False
        self.fields = self.kept = 0
        """How many fields were taken, and how many of them are to be kept."""

    def take(self, name: bytes, octets: int) -> bool:
        """Count a field of a lower-cased name; return whether it is to be kept."""
        self.fields += 1
        if name == AUTHOR_NAME:
            self._room -= octets
            self._authors -= 1
            # Once one was dropped all are, so that those kept are the first in their order.
            self._dropped = self._dropped or self._room < 0 or self._authors < 0
            if not self._dropped:
                self.kept += 1
                return True
        if name in self._counts:
            self._counts[name] += 1
        return False

    def beyond(self, within: int) -> Beyond:
        """Return what was found, behind the number of fields within the limit."""
        return Beyond(
            limit=self._limit,
            fields=within + self.fields,
            counts={name: count for name, count in self._counts.items() if count},
            authors_dropped=self._dropped,
        )
