"""``avowal reports send``: the reports of a day, to whom they go."""

from __future__ import annotations

import time
from contextlib import closing

import click

from avowal.cli.exits import complain
from avowal.cli.reporting import (
    Reporting,
    config_option,
    day_of,
    day_option,
    deliver,
    domain_option,
    tell_delivered,
)
from avowal.dates import date_of


@click.command("send")
@config_option
@day_option
@domain_option
@click.option("--verbose", is_flag=True, help="Say of each address why it gets nothing.")
def send(*, config: str, day: str | None, domain: str | None, verbose: bool) -> int:
    """Send the aggregate reports of a day, each to every address that may have it, once.

    Run it as often as you like: what was sent is not sent again, what failed for now is tried
    again after a while. One process sends at a time, of all hosts with the same store.
    """
    from avowal.report.aggregate_mail import AggregateLetter
    from avowal.stores.report_tables import ReportTables

    number = day_of(day)
    reporting = Reporting.read(config)
    with closing(reporting.store()) as store, closing(reporting.store()) as ledger:
        tell = complain if verbose else lambda sentence: None
        sender = reporting.sender(ReportTables(ledger), tell)
        reports = reporting.reports(store, number, domain, complain)
        letters = (AggregateLetter(one, reporting.reporter) for one in reports)
        failed = deliver(sender, [(number, letters)])
        if failed is not None:
            return failed
        reporting.retain(store, int(time.time()))
    return tell_delivered(sender.done, of=f"{date_of(number)}: ")
