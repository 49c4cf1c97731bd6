"""``avowal reports failures``: the reports about single messages that failed DMARC."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import click

from avowal.cli.exits import ExitStatus, complain
from avowal.cli.reporting import Reporting, config_option, deliver, tell_delivered
from avowal.cli.streams import echo
from avowal.dates import DAY, date_of

if TYPE_CHECKING:
    from avowal.report.failure_mail import FailureLetter
    from avowal.stores.failure_tables import FailureTables

_DAYS_TRIED = 2  # as long as the last attempt to send takes


@click.command("failures")
@config_option
@click.option("--dry-run", is_flag=True, help="Send nothing; show the reports that would leave.")
@click.option("--verbose", is_flag=True, help="Say of each address why it gets nothing.")
def failures(*, config: str, dry_run: bool, verbose: bool) -> int:
    """Send the failure reports that wait, to owners of domains who may have them.

    They are off until `failure_reports.domains` names domains. Run it every few minutes: like
    failures are told once a day, with their number, after `failure_reports.hold` seconds. One
    process sends at a time, of all hosts with the same store.
    """
    from avowal.stores.failure_tables import FailureTables
    from avowal.stores.report_tables import ReportTables

    reporting, now = Reporting.read(config), int(time.time())
    with closing(reporting.store()) as store, closing(reporting.store()) as ledger:
        cases = FailureTables(store)
        if dry_run:
            return _show(reporting, cases, now)
        tell = complain if verbose else lambda sentence: None
        sender = reporting.sender(ReportTables(ledger, "failure"), tell, kind="ruf")
        days = ((day, _letters(reporting, cases, day, now)) for day in cases.days())
        failed = deliver(sender, days)
        if failed is not None:
            return failed
        cases.forget(now // DAY - _DAYS_TRIED)
        beyond = cases.beyond()
    for day, domain, number in beyond:
        complain(f"{date_of(day)}: {domain}: {number} failures beyond the bounds are not reported")
    return tell_delivered(sender.done)


def _letters(
    reporting: Reporting, cases: FailureTables, day: int, now: int
) -> Iterator[FailureLetter]:
    from avowal.report.failure_mail import FailureLetter

    hold = reporting.loaded.configuration.failure_reports.hold
    for one in cases.waiting(day, now - hold):
        yield FailureLetter(one, reporting.reporter)


def _show(reporting: Reporting, cases: FailureTables, now: int) -> int:
    number = 0
    for day in cases.days():
        for letter in _letters(reporting, cases, day, now):
            if not reporting.excludes(letter.domain, "ruf"):
                number += 1
                octets = letter.octets(f"the ruf= of {letter.domain}", date=now)
                echo(octets.decode("ascii", "replace").replace("\r\n", "\n"))
    echo(f"{number} reports would be offered to the addresses of ruf=", err=True)
    return ExitStatus.PASSED
