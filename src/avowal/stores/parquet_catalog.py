"""Which Parquet files count: a part is there once it stands in this table, and gone with its row.

The table is in the SQLite file that also keeps what became of report mails (`ledger`), so that a
change of many files is one transaction.  A file that no row names is a leftover of a change that
was not finished, or one that somebody still reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from avowal.errors import StoreError
from avowal.stores.event_tables import Cursor
from avowal.stores.sqlite_events import SqliteEvents

VERSIONS: Final[tuple[tuple[str, ...], ...]] = (
    (  # 1: parts, and segments that stand in one but are not removed yet
        """CREATE TABLE event_part (name TEXT NOT NULL PRIMARY KEY, day BIGINT NOT NULL,
            level BIGINT NOT NULL, events BIGINT NOT NULL, kinds BIGINT NOT NULL,
            messages BIGINT NOT NULL)""",
        "CREATE INDEX event_part_day ON event_part (day)",
        "CREATE TABLE packed_segment (name TEXT NOT NULL PRIMARY KEY)",
    ),
    (),  # 2: events of parts have rules, which older programs would take for damage
)
"""What makes version n of version n - 1; a version that was released never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Events of one day and the kinds that they are of, a file each.

    `level` grows with each merge.  `events` and `messages` are 0 where those were let go: then
    the events of a part, or its counts, are older than they are kept.
    """

    name: str
    day: int
    level: int
    events: int
    kinds: int
    messages: int


class PartCatalog:
    """The rows of a directory of parts.  Methods raise StoreError."""

    def __init__(self, ledger: SqliteEvents) -> None:
        self._ledger = ledger
        with ledger.transaction() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS parquet_schema (version BIGINT NOT NULL)")
            cursor.execute("SELECT coalesce(max(version), 0) FROM parquet_schema")
            row: tuple[int] = cursor.fetchone()
            found = row[0]
            if found > len(VERSIONS):
                raise StoreError(
                    f"the parts are of version {found}, and this program knows {len(VERSIONS)}:"
                    " update it"
                )
            for number, statements in enumerate(VERSIONS[found:], found + 1):
                for text in statements:
                    cursor.execute(text)
                cursor.execute("INSERT INTO parquet_schema (version) VALUES (?)", (number,))

    def parts(self, *, first: int | None = None, last: int | None = None) -> list[Part]:
        """Return the parts of some days, or of all, in the order of days and names."""
        with self._ledger.transaction(writes=False) as cursor:
            cursor.execute(
                "SELECT name, day, level, events, kinds, messages FROM event_part"
                " WHERE day BETWEEN coalesce(?, day) AND coalesce(?, day) ORDER BY day, name",
                (first, last),
            )
            found: list[tuple[str, int, int, int, int, int]] = cursor.fetchall()
        return [
            Part(name=name, day=day, level=level, events=events, kinds=kinds, messages=messages)
            for name, day, level, events, kinds, messages in found
        ]

    def change(
        self,
        *,
        added: Iterable[Part] = (),
        removed: Iterable[Part] = (),
        packed: Sequence[str] = (),
    ) -> None:
        """Put parts in place of others, at once; note that segments stand in them."""
        with self._ledger.transaction() as cursor:
            _each(cursor, "DELETE FROM event_part WHERE name = ?", [(p.name,) for p in removed])
            _each(
                cursor,
                "INSERT INTO event_part (name, day, level, events, kinds, messages)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(p.name, p.day, p.level, p.events, p.kinds, p.messages) for p in added],
            )
            _each(cursor, "INSERT INTO packed_segment (name) VALUES (?)", [(p,) for p in packed])

    def packed(self) -> set[str]:
        """Return the segments that stand in parts."""
        with self._ledger.transaction(writes=False) as cursor:
            cursor.execute("SELECT name FROM packed_segment")
            found: list[tuple[str]] = cursor.fetchall()
            return {name for (name,) in found}

    def forget(self, segments: Sequence[str]) -> None:
        """Segments are removed: their names are free."""
        with self._ledger.transaction() as cursor:
            _each(cursor, "DELETE FROM packed_segment WHERE name = ?", [(one,) for one in segments])


def _each(cursor: Cursor, statement: str, rows: Sequence[Sequence[object]]) -> None:
    if rows:
        cursor.executemany(statement, rows)
