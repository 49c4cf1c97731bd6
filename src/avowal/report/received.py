"""What a store of received reports holds and answers: the protocol, and the rows it gives.

A store keeps each report once: receivers send them again, and mailboxes are read again.  Some
give one id to reports that say different things, and these are all kept.  Rows are sums over all
reports of a domain; days count from 1970-01-01, and a report belongs to the day in which the
middle of its period lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Literal, NamedTuple, Protocol

from avowal.report.aggregate import PolicyPublished, Record, ReportMetadata
from avowal.report.failure import FailureReport
from avowal.report.shares import ShareRow
from avowal.report.tlsrpt import TlsReport
from avowal.valueclass import value

Kind = Literal["aggregate", "tls", "failure"]


MOST_UNDER_ONE_ID: Final = 100
"""Reports of one receiver about one domain that have the same id and say different things."""


class OverusedId(Exception):
    """So many different reports are kept under this id that no further one is."""


class KnownReport(Exception):
    """A report that is to be added is there already."""


class Period(NamedTuple):
    """The days from `first` to `last`, both included."""

    first: int
    last: int


@value
class ReceivedHead:
    """What is kept of a report beside its records.

    `sender` is the domain whose mail brought it, proven by DMARC; None where nobody looked, ""
    where nothing proved it.
    """

    metadata: ReportMetadata
    policy: PolicyPublished
    origin: str
    received: int
    sender: str | None = None


class DayRow(NamedTuple):
    """The messages of a domain on one day; `rejected` and `quarantined` are among `failed`."""

    day: int
    passed: int
    failed: int
    quarantined: int
    rejected: int


class SourceRow(NamedTuple):
    """What one address sent on one day, with one outcome; `signers` are passing DKIM domains."""

    source: str
    day: int
    header_from: str
    messages: int
    passed: bool
    dkim: bool
    spf: bool
    disposition: str | None
    signers: tuple[str, ...]


class TlsRow(NamedTuple):
    """TLS sessions to the servers of a domain on one day."""

    day: int
    organization: str
    policy: str
    successful: int
    failed: int


class FailureRow(NamedTuple):
    """Failure reports of one day that are alike."""

    day: int
    source: str | None
    failure: str | None
    delivery: str | None
    incidents: int


class ReporterRow(NamedTuple):
    """Who reported: how many reports and messages, the last day, and who proved to have sent."""

    receiver: str
    reports: int
    messages: int
    last: int
    copies: int
    unproven: int


class Pruned(NamedTuple):
    """What was removed."""

    reports: int
    rows: int


class Adding(Protocol):
    """One report on its way into the store."""

    @property
    def others(self) -> int:
        """How many reports with this id are there."""

    def rows(self, records: Iterable[Record]) -> None:
        """Add records."""

    def close(self, *, lost: int, damaged: bool) -> None:
        """Say how the reading went."""


class ReceivedReports(Protocol):
    """A place where received reports are kept.  Methods raise StoreError."""

    def known(self, kind: Kind, organization: str, report_id: str, domain: str) -> bool:
        """Whether a report is there; counts the copy."""

    def adding(self, head: ReceivedHead) -> AbstractContextManager[Adding]:
        """Add an aggregate report: all of it when the block ends, nothing when it raises.

        Raises KnownReport at the end where a report with this id about the same time is there
        that says the same, or one of the two is not whole (decision 0033); OverusedId.
        """

    def add_tls(self, report: TlsReport, *, origin: str, received: int, sender: str | None) -> bool:
        """Add a report of SMTP TLS; False where it is known."""

    def add_failure(
        self, report: FailureReport, *, origin: str, received: int, sender: str | None
    ) -> bool:
        """Add a failure report; False where it is known."""

    def was_read(self, path: str, size: int, modified: int) -> bool:
        """Whether a file was read to its end as it is now."""

    def last_read(self, place: str, validity: int) -> int:
        """The number of the last mail read of a mailbox on a server; 0 under a new numbering."""

    def mark_read(self, path: str, size: int, modified: int) -> None:
        """Note that a file was read."""

    def domains(self) -> tuple[str, ...]:
        """The domains that reports are about."""

    def period(self, domain: str) -> Period | None:
        """The first and the last day of a domain's aggregate reports."""

    def days(self, domain: str, period: Period) -> tuple[DayRow, ...]:
        """The messages by day."""

    def sources(self, domain: str, period: Period) -> Iterator[SourceRow]:
        """The messages by address, day and outcome."""

    def shares(self, domain: str, period: Period) -> tuple[ShareRow, ...]:
        """The signatures by key, receiver and day."""

    def reporters(self, domain: str, period: Period) -> tuple[ReporterRow, ...]:
        """Who reported, the largest first."""

    def policy(self, domain: str) -> PolicyPublished | None:
        """The policy that was found last."""

    def tls(self, domain: str, period: Period) -> tuple[TlsRow, ...]:
        """The TLS sessions by day and sender."""

    def failures(self, domain: str, period: Period) -> tuple[FailureRow, ...]:
        """The failure reports by day."""

    def prune(self, before: int) -> Pruned:
        """Remove what is of days before `before`."""
