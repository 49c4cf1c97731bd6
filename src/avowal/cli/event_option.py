"""The option ``--events``: where what was found of messages is kept."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from avowal.cli.inspection import Inspected
    from avowal.report.event import Event

_BATCH = 1000  # events written at once

events_option: Callable[[Any], Any] = click.option(
    "--events",
    metavar="STORE",
    help="Keep an event per message: sqlite:PATH, parquet:DIR, lines:PATH, postgresql://… or "
    "clickhouse://….",
)


@contextmanager
def kept(store: str | None) -> Iterator[Callable[[Event], None] | None]:
    """Give what keeps events, None without a store.

    What was given is written when the block ends, however it ends.  Raises StoreError.
    """
    if store is None:
        yield None
        return
    from avowal.stores.events import open_event_sink

    sink = open_event_sink(store)
    waiting: list[Event] = []

    def keep(event: Event) -> None:
        waiting.append(event)
        if len(waiting) >= _BATCH:
            sink.append(waiting)
            waiting.clear()

    try:
        yield keep
    finally:
        if waiting:
            sink.append(waiting)
        sink.close()


def event_of(inspected: Inspected) -> Event:
    """Return the event of a message: of its signatures alone, for nothing else was asked."""
    from avowal.examine.findings import Findings
    from avowal.mailbox import Authors
    from avowal.report.verdict_event import event_of as made

    authors = None if inspected.header is None else Authors.of(inspected.header)
    found = Findings(authors=authors, dkim=inspected.verdicts)
    return made(found, time=inspected.now, host=socket.gethostname().lower())
