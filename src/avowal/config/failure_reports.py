"""Failure reports of DMARC to the owners of domains: the table `failure_reports`."""

from __future__ import annotations

from typing import Annotated

from avowal.config.options import Natural, Positive, Table, option


class FailureReports(Table, frozen=True, kw_only=True):
    """Reports about single messages that failed DMARC (RFC 9991), which `avowal reports` sends."""

    domains: Annotated[
        tuple[str, ...],
        option(
            "Policy domains, with all below them, whose owners may have such reports where their "
            "record asks for them (`ruf`): your consent, domain by domain.  Empty: none is made.",
            entries="domains",
        ),
    ] = ()
    most_per_domain: Annotated[
        Positive,
        option(
            "How many a policy domain gets of a day, of all workers and hosts with one "
            "`events.store`; more are counted and not sent.",
            unit="reports",
        ),
    ] = 50
    most_per_day: Annotated[
        Positive, option("How many all of them get of a day, likewise.", unit="reports")
    ] = 500
    hold: Annotated[
        Natural,
        option(
            "How long a report waits for failures that are alike, which it counts.",
            unit="seconds",
        ),
    ] = 600
