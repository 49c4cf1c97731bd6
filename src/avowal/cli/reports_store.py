"""The store of received reports, as the commands over it name and open it."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from avowal.errors import UsageError

if TYPE_CHECKING:
    from avowal.calls.report_answers import UploadedFileObject
    from avowal.report.received import Period
    from avowal.stores.received_tables import ReceivedTables

F = TypeVar("F", bound=Callable[..., Any])

store_option = click.option(
    "--store",
    default="avowal-reports.db",
    show_default=True,
    envvar="AVOWAL_REPORTS",
    metavar="STORE",
    help="Where reports are kept: an SQLite file, or postgresql://… for several hosts; the "
    "environment may name it (AVOWAL_REPORTS).",
)
days_option = click.option(
    "--days",
    type=click.IntRange(1, 4000),
    default=30,
    show_default=True,
    help="How many days, up to the last one that has a report.",
)


def opened(name: str) -> ReceivedTables:
    """Open a store that is there.  Raises UsageError and StoreError."""
    from avowal.stores.received import may_be_there, open_kept_reports

    if not may_be_there(name):
        raise UsageError(f"{name}: no reports are kept there yet: avowal reports read PATH...")
    return open_kept_reports(name)


def file_taker(path: str) -> Callable[[IO[bytes], str], UploadedFileObject]:
    """Make the store; return what reads a file into it, in any thread.

    Raises StoreError, now and when it is called.
    """
    from avowal.calls.report_answers import told_of
    from avowal.calls.report_intake import Intake, ReportIntake
    from avowal.calls.wrappings import Unusable
    from avowal.stores.received import open_received

    open_received(path).close()

    def take(file: IO[bytes], name: str) -> UploadedFileObject:
        found: list[Intake] = []
        unusable = ""
        with open_received(path) as store:
            try:
                for one in ReportIntake(store).take_all(file, name):
                    found.append(one)  # noqa: PERF402 - what came before a fault is told
            except Unusable as fault:
                unusable = str(fault)
        return told_of(name, found, unusable)

    return take


def period_of(store: ReceivedTables, domain: str, days: int) -> Period:
    """The last days of a domain.  Raises UsageError where there is no report about it."""
    from avowal.report.received import Period

    whole = store.period(domain)
    if whole is None:
        known = store.domains()
        more = f"; there are reports about {', '.join(known[:10])}" if known else ""
        raise UsageError(f"no aggregate report about {domain}{more}")
    return Period(max(whole.first, whole.last - days + 1), whole.last)
