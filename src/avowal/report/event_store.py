"""Where events go and are counted: the protocols that stores implement.

Events and their counts are kept apart: an event names its time and queue id and is needed for
weeks, a count of equal messages on one day for a year.  Both are written in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event import Event, EventKey

LostEvents: TypeAlias = Mapping[tuple[int, str], int]
"""How many messages have no event, by day and host: there was no room for it, or no store."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many events, daily counts and kinds of messages are gone."""

    events: int
    counts: int
    keys: int


class DoubtfulWrite(StoreError):
    """The connection broke while a batch was written: `wrote` finds out whether it is there.

    `wrote` raises StoreError while nobody can tell.
    """

    def __init__(self, why: str, wrote: Callable[[], bool]) -> None:
        super().__init__(why)
        self.wrote = wrote


class EventSink(Protocol):
    """What events can be written to.  One thread uses it."""

    def append(self, events: Sequence[Event], /) -> None:
        """Write events: all of them or none.  Raises StoreError, DoubtfulWrite among them."""

    def note_lost(self, lost: LostEvents, /) -> None:
        """Count events that were dropped, where that can be read again.  Raises StoreError."""

    def close(self) -> None:
        """Let go of it."""


class EventStore(EventSink, Protocol):
    """What events can be read from as well; every method raises StoreError."""

    def events(self, begin: int, end: int, /) -> Iterator[Event]:
        """Yield the events of a time, in Unix seconds, `end` excluded, by time."""

    def counts(
        self, day: int, /, *, domain: str | None = None, reported: bool = False
    ) -> Iterator[tuple[EventKey, int]]:
        """Yield the kinds of messages of a day and how many there were, by policy domain.

        `reported`: only those that stand in aggregate reports.
        """

    def rows(
        self, day: int, /, *, domain: str | None = None, reported: bool = False
    ) -> Iterator[tuple[str, bytes, int]]:
        """Yield the same as it is written: policy domain, octets of the key, messages."""

    def domains(self, day: int, /) -> Sequence[str]:
        """Return the policy domains of a day that get reports, in order."""

    def days(self) -> Sequence[tuple[int, int]]:
        """Return each day that has counts, and how many messages it had."""

    def prune(self, *, events_before: int, counts_before: int) -> Pruned:
        """Remove events older than a time, and counts of days before a day; for good."""

    def erase(self, source: str, /) -> Pruned:
        """Remove whatever names the address of a client."""


def counted(events: Iterable[Event]) -> dict[int, Counter[EventKey]]:
    """Count events by day and kind: what a store's `counts` have to say of them.

    Memory is bounded by the distinct kinds.
    """
    found: dict[int, Counter[EventKey]] = {}
    for event in events:
        found.setdefault(event.time // DAY, Counter())[event.key] += 1
    return found


class KindsOfRows:
    """What every engine does alike: the kinds of messages, read from the rows of a day."""

    def rows(
        self, day: int, *, domain: str | None = None, reported: bool = False
    ) -> Iterator[tuple[str, bytes, int]]:
        """Yield policy domain, octets of the key, messages, as `EventStore.rows` says."""
        raise NotImplementedError

    def counts(
        self, day: int, *, domain: str | None = None, reported: bool = False
    ) -> Iterator[tuple[EventKey, int]]:
        """Yield the kinds of messages of a day and how many there were, by policy domain."""
        for _, facts, messages in self.rows(day, domain=domain, reported=reported):
            yield EventKey.of(facts), messages
