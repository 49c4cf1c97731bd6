"""``avowal reports send``: the reports of a day, to whom they go."""

from __future__ import annotations

import time
from contextlib import closing

import click

from avowal.cli.exits import ExitStatus, complain
from avowal.cli.reporting import (
    NotAligned,
    Reporting,
    config_option,
    date_of,
    day_of,
    day_option,
    domain_option,
)
from avowal.cli.streams import echo


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
    from avowal.report.report_sending import NotLeading
    from avowal.stores.report_tables import ReportTables

    number = day_of(day)
    reporting = Reporting.read(config)
    with closing(reporting.store()) as store, closing(reporting.store()) as ledger:
        tell = complain if verbose else lambda sentence: None
        sender = reporting.sender(ReportTables(ledger), tell)
        reports = reporting.reports(store, number, domain, complain)
        letters = (AggregateLetter(one, reporting.reporter) for one in reports)
        try:
            done = sender.send(number, letters)
        except NotLeading as fault:
            complain(str(fault))
            return ExitStatus.TRY_AGAIN
        except NotAligned as fault:
            complain(str(fault))
            return ExitStatus.NOT_PASSED
        finally:
            sender.ledger.resign(sender.holder)
        reporting.retain(store, int(time.time()))
    words = ", ".join(f"{number} {word}" for word, number in sorted(done.items()))
    echo(f"{date_of(number)}: {words or 'nothing to send'}", err=True)
    later = any(done[word] for word in ("waiting", "waiting before", "unknown"))
    return ExitStatus.TRY_AGAIN if later else ExitStatus.PASSED
