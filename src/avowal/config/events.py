"""What is kept of verdicts: the table `events`."""

from __future__ import annotations

from typing import Annotated

from avowal.config.options import Positive, Table, option


class Events(Table, frozen=True, kw_only=True):
    """One event per verdict, without persons, for aggregate reports and counts."""

    store: Annotated[
        str | None,
        option(
            "Where events go: `sqlite:PATH` (or a path alone), `parquet:DIR` above about a "
            "million a day, `lines:PATH`, `postgresql://…` or `clickhouse://…` for several hosts.  "
            "Unset: nowhere.",
            example="sqlite:/var/lib/avowal/events.db",
        ),
    ] = None
    most_waiting: Annotated[
        Positive,
        option(
            "How many may wait to be written; more are dropped and counted, mail never waits.",
            unit="events per worker",
        ),
    ] = 10_000
    keep_days: Annotated[
        Positive, option("How long `avowal reports send` leaves events.", unit="days")
    ] = 30
    keep_counts_days: Annotated[
        Positive, option("How long it leaves the counts of days.", unit="days")
    ] = 400
