"""A batch of events on its way into ClickHouse: once, whatever answers are lost.

An INSERT is whole or not there if its rows are of one day, which is one part of the table.  So a
batch is an INSERT for each of its days, and the first row of each bears a number of its own: where
that stands, all of them do.  ClickHouse's own tokens against copies are of newer servers, and off
in tables that are not replicated (decision 0034).
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import randbits
from typing import NamedTuple, Protocol

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.event import Event, digest
from avowal.stores import clickhouse_schema as sql

_Row = tuple[object, ...]


class Connection(Protocol):
    """What is used of a store; both methods raise StoreError."""

    def insert(self, rows: Sequence[_Row], name: str, /) -> None:
        """Write rows of one day; the server knows the statement by its name."""

    def number(self, statement: str, values: dict[str, object], /) -> int:
        """Ask for a number."""


class _Insert(NamedTuple):
    day: int
    mark: int
    rows: list[_Row]

    @property
    def name(self) -> str:
        return f"avowal-{self.mark:x}"


class EventBatch:
    """Events, and which of their days are still to be written."""

    def __init__(self, events: Sequence[Event]) -> None:
        days: dict[int, list[Event]] = {}
        for event in events:
            days.setdefault(event.time // DAY, []).append(event)
        self._left = [_insert(day, some) for day, some in sorted(days.items())]

    def write(self, connection: Connection) -> None:
        """Write what is left.  Raises StoreError: what was on its way then may be there."""
        while self._left:
            connection.insert(self._left[0].rows, self._left[0].name)
            del self._left[0]

    def finish(self, connection: Connection) -> None:
        """Write what is not there of what is left.  Raises StoreError."""
        while self._left:
            one = self._left[0]
            if connection.number(sql.RUNNING, {"name": one.name}):
                raise StoreError("ClickHouse: a batch that broke off is still being written")
            if not connection.number(sql.WRITTEN, {"day": one.day, "batch": one.mark}):
                connection.insert(one.rows, one.name)
            del self._left[0]


def _insert(day: int, events: Sequence[Event]) -> _Insert:
    mark = randbits(63) + 1  # zero is no number of a batch
    rows = [_row(event, 0 if place else mark) for place, event in enumerate(events)]
    return _Insert(day, mark, rows)


def _row(event: Event, mark: int) -> tuple[object, ...]:
    key, octets = event.key, event.key.octets()
    return (
        event.time // DAY, event.time, event.host, digest(octets).hex(), event.queue_id,
        key.policy_domain or "", int(key.is_reported), key.source or "", octets.decode(),
        event.rules_text(), mark,
    )  # fmt: skip
