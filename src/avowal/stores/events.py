"""Opening what events are written to, by its name.

``sqlite:PATH`` is an SQLite file, ``parquet:DIR`` a directory of Parquet files,
``postgresql://…`` and ``clickhouse://…`` a database, ``lines:PATH`` a file that grows by a JSON
object a line; a path alone is the latter where it ends in ``.jsonl`` or ``.ndjson``, else an
SQLite file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from avowal.errors import StoreError
from avowal.report.event import Event
from avowal.report.event_store import EventSink, LostEvents
from avowal.stores import clickhouse_events, postgres_events
from avowal.stores.clickhouse_events import ClickhouseEvents
from avowal.stores.event_segments import SegmentWriter
from avowal.stores.postgres_events import PostgresEvents
from avowal.stores.report_tables import ReportStore
from avowal.stores.sqlite_events import SqliteEvents

_POSTGRES: Final = ("postgresql://", "postgres://")
_LINES: Final = (".jsonl", ".ndjson")
_PARQUET: Final = "parquet:"
_SERVERS: Final = (*_POSTGRES, *clickhouse_events.SCHEMES)
FORMS: Final = "a path, sqlite:PATH, parquet:DIR, lines:PATH, postgresql://… or clickhouse://…"


class LineEvents:
    """A file of events, a JSON object a line, for other programs to read."""

    def __init__(self, path: str) -> None:
        """Open a file to append to.  Raises StoreError."""
        self._path = path
        try:
            self._file = open(path, "ab")  # noqa: SIM115,PTH123 - held until `close`
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None

    def append(self, events: Sequence[Event]) -> None:
        """Write the lines.  Raises StoreError."""
        try:
            self._file.write(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
            self._file.flush()
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from None

    def note_lost(self, lost: LostEvents) -> None:
        """Leave it to log and metrics: whoever reads the lines takes each for an event."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def event_opener(name: str) -> Callable[[], EventSink]:
    """Return what opens it later, where no module can be imported any more.

    Raises StoreError for what cannot be opened at all: a driver or a directory that lacks.
    """
    if name.startswith(_POSTGRES):
        postgres_events.driver()
    elif name.startswith(clickhouse_events.SCHEMES):
        clickhouse_events.driver()
    else:
        path = Path(name.removeprefix("lines:").removeprefix("sqlite:").removeprefix(_PARQUET))
        if not path.name:
            raise StoreError(f"{name!r} names no file: {FORMS}")
    return partial(open_event_sink, name)


def open_event_store(name: str) -> ReportStore:
    """Open a store that can be read too.  Raises StoreError."""
    if name.startswith(_POSTGRES):
        return PostgresEvents(name)
    if name.startswith(clickhouse_events.SCHEMES):
        return ClickhouseEvents(name)
    if name.startswith(_PARQUET):
        from avowal.stores.parquet_events import ParquetEvents  # noqa: PLC0415 - few have these

        return ParquetEvents(name.removeprefix(_PARQUET))
    if name.startswith("lines:") or name.endswith(_LINES):
        raise StoreError(f"{name}: lines can be written but not counted: sqlite:PATH can")
    return SqliteEvents(name.removeprefix("sqlite:"))


def open_kept_events(name: str) -> ReportStore:
    """Open what somebody wrote events to: reading makes no store.  Raises StoreError."""
    path = name.removeprefix("sqlite:").removeprefix(_PARQUET)
    if not name.startswith((*_SERVERS, "lines:")) and not (path and Path(path).exists()):
        raise StoreError(f"{path or name}: nothing is there: events are kept once mail came by")
    return open_event_store(name)


def open_event_sink(name: str) -> EventSink:
    """Open what events are written to.  Raises StoreError."""
    if name.startswith("lines:") or name.endswith(_LINES):
        return LineEvents(name.removeprefix("lines:"))
    if name.startswith(_PARQUET):
        return SegmentWriter(name.removeprefix(_PARQUET))  # what writes needs no DuckDB
    return open_event_store(name)
