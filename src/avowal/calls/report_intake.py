"""Takes reports into a store: each once, whole or not at all, with a reason where not.

The aggregate reports of one file are streamed: memory does not grow with them.  Receivers use
ids twice, so a copy is read to its end before it is known for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import IO, Final, Literal

from avowal.calls.report_sources import Progress, ReportSource, report_sources
from avowal.names import DomainName, NameFault
from avowal.report.aggregate import Record, key_of
from avowal.report.aggregate_reader import AggregateReader
from avowal.report.arf import ReportFault
from avowal.report.containers import Damaged, expanded, kind_of
from avowal.report.failure import read_failure_report
from avowal.report.limits import DEFAULT, ReportLimits
from avowal.report.received import (
    MOST_UNDER_ONE_ID,
    Adding,
    Kind,
    KnownReport,
    OverusedId,
    ReceivedHead,
    ReceivedReports,
)
from avowal.report.tlsrpt import read_tls_report
from avowal.text import printable
from avowal.valueclass import value

_AHEAD_SECONDS: Final = 2 * 86400  # what a report may end after now
Word = Literal["kept", "copy", "refused", "nothing"]
Sender = Callable[[bytes], str]
"""What tells the domain that proved to have sent a mail, "" for none."""


@value
class Intake:
    """What became of one report.

    `why` is the reason of a refusal, or why there is no report; `problems` what was wrong with
    one that was kept; `notes` what is odd about it, and how often: these stand among the
    problems too.
    """

    origin: str
    word: Word
    kind: Kind | None = None
    organization: str = ""
    report_id: str = ""
    domain: str = ""
    records: int = 0
    messages: int = 0
    lost: int = 0
    damaged: bool = False
    why: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[tuple[str, int], ...] = ()
    sender: str | None = None


class ReportIntake:
    """Takes one report after another into a store."""

    def __init__(
        self,
        store: ReceivedReports,
        *,
        sender: Sender | None = None,
        limits: ReportLimits = DEFAULT,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._sender = sender
        self._limits = limits
        self._now = now

    def take(self, source: ReportSource) -> Intake:
        """Read a report into the store.  Raises StoreError and OSError, nothing for octets."""
        if source.nothing:
            return Intake(origin=source.origin, word="nothing", why=source.nothing)
        sender = None
        if self._sender is not None and source.mail is not None:
            sender = self._sender(source.mail)
        try:
            if source.file is None:
                return self._failure(source, sender)
            return self._file(source.file, source.origin, sender)
        except ReportFault as fault:
            return Intake(origin=source.origin, word="refused", why=fault.why, sender=sender)
        except Damaged as damage:
            return Intake(origin=source.origin, word="refused", why=str(damage), sender=sender)

    def take_all(
        self, file: IO[bytes], name: str, *, progress: Progress = lambda octets: None
    ) -> Iterator[Intake]:
        """Read the reports of an open file; at least one answer comes, with its reason.

        Raises StoreError and OSError; Unusable for a file that cannot be read at all.
        """
        for source in report_sources(file, name, progress=progress, limits=self._limits):
            yield self.take(source)

    def _failure(self, source: ReportSource, sender: str | None) -> Intake:
        report = read_failure_report(source.mail or b"")
        _refuse_no_domain(report.domain)
        new = self._store.add_failure(
            report, origin=source.origin, received=int(self._now()), sender=sender
        )
        return Intake(
            origin=source.origin, word="kept" if new else "copy", kind="failure",
            organization=report.organization, report_id=report.report_id, domain=report.domain,
            records=1, messages=report.incidents, sender=sender,
        )  # fmt: skip

    def _file(self, file: IO[bytes], origin: str, sender: str | None) -> Intake:
        chunks = expanded(file, limits=self._limits)
        first = next(chunks, b"")
        if kind_of(first) == "json":
            return self._tls(first, chunks, origin, sender)
        return _Aggregate(self._store, self._limits, origin, sender, int(self._now())).read(
            first, chunks
        )

    def _tls(
        self, first: bytes, chunks: Iterator[bytes], origin: str, sender: str | None
    ) -> Intake:
        pieces, size = [first], len(first)
        for chunk in chunks:
            size += len(chunk)
            if size > self._limits.json_octets:
                raise ReportFault(size, f"more than {self._limits.json_octets} octets of JSON")
            pieces.append(chunk)
        report = read_tls_report(b"".join(pieces), limits=self._limits)
        _refuse_ahead(report.end, self._now())
        for policy in report.policies:
            _refuse_no_domain(policy.domain)
        new = self._store.add_tls(report, origin=origin, received=int(self._now()), sender=sender)
        return Intake(
            origin=origin, word="kept" if new else "copy", kind="tls",
            organization=report.organization, report_id=report.report_id,
            domain=report.policies[0].domain, records=len(report.policies),
            messages=sum(one.successful + one.failed for one in report.policies), sender=sender,
        )  # fmt: skip


class _Aggregate:
    """One aggregate report on its way from octets to rows."""

    def __init__(
        self,
        store: ReceivedReports,
        limits: ReportLimits,
        origin: str,
        sender: str | None,
        now: int,
    ) -> None:
        self._store = store
        self._reader = AggregateReader(limits)
        self._origin, self._sender, self._now = origin, sender, now
        self._adding: Adding | None = None
        self._records = self._messages = 0
        self._damage: str | None = None

    def read(self, first: bytes, chunks: Iterator[bytes]) -> Intake:
        """Read to the end."""
        try:
            with ExitStack() as ending:
                self._add(self._reader.feed(first), ending)
                self._follow(chunks, ending)
                self._add(self._reader.finish(), ending)
                assert self._adding is not None  # noqa: S101 - finish raises where nobody reports
                damaged = self._reader.damaged or self._damage is not None
                self._adding.close(lost=self._reader.lost, damaged=damaged)
        except KnownReport:
            return self._copy()
        except OverusedId:
            why = f"{MOST_UNDER_ONE_ID} different reports with its id are kept: no more are"
            raise ReportFault(0, why) from None
        return self._result("kept")

    def _copy(self) -> Intake:
        told, policy = self._reader.metadata, self._reader.policy
        assert told is not None and policy is not None  # noqa: S101 - it was opened
        self._store.known("aggregate", *key_of(told, policy))  # which counts it
        self._records = self._messages = 0
        return self._result("copy")

    def _follow(self, chunks: Iterator[bytes], ending: ExitStack) -> None:
        try:
            for chunk in chunks:
                self._add(self._reader.feed(chunk), ending)
        except Damaged as damage:  # what came before it is read all the same
            self._damage = str(damage)

    def _open(self, ending: ExitStack) -> None:
        """Begin to add the report once its beginning is read."""
        told, policy = self._reader.metadata, self._reader.policy
        if self._adding is not None or told is None or policy is None:
            return
        _refuse_ahead(told.end, self._now)
        _refuse_no_domain(policy.domain)
        head = ReceivedHead(
            metadata=told, policy=policy, origin=self._origin, received=self._now,
            sender=self._sender,
        )  # fmt: skip
        self._adding = ending.enter_context(self._store.adding(head))

    def _add(self, records: list[Record], ending: ExitStack) -> None:
        self._open(ending)
        if records and self._adding is not None:
            self._adding.rows(records)
            self._records += len(records)
            self._messages += sum(one.count for one in records)

    def _result(self, word: Word) -> Intake:
        told, policy = self._reader.metadata, self._reader.policy
        problems = [str(one) for one in self._reader.problems]
        problems += [f"{text} ({number} times)" for text, number in self._reader.notes]
        problems += [self._damage] if self._damage else []
        if word == "kept" and self._adding is not None and self._adding.others:
            problems.append(f"its id is used again: what is in {self._adding.others + 1} differs")
        return Intake(
            origin=self._origin, word=word, kind="aggregate",
            organization=told.org_name if told else "", report_id=told.report_id if told else "",
            domain=policy.domain if policy else "", records=self._records,
            messages=self._messages, lost=self._reader.lost,
            damaged=self._reader.damaged or self._damage is not None, problems=tuple(problems),
            notes=self._reader.notes, sender=self._sender,
        )  # fmt: skip


def _refuse_no_domain(domain: str) -> None:
    """Refuse a report about what is no domain: nobody could ask for it.  Raises ReportFault."""
    try:
        DomainName.parse(domain.encode("utf-8", "surrogateescape"))
    except NameFault as fault:
        told = printable(domain, most=100)
        raise ReportFault(0, f"it is about {told!r}, which is no domain: {fault.why}") from None


def _refuse_ahead(end: int, now: float) -> None:
    """Refuse a report of days to come: it would be the newest, and hide those that were.

    Clocks differ, and a report may be sent before its day is over.  Raises ReportFault.
    """
    if end > now + _AHEAD_SECONDS:
        day = datetime.fromtimestamp(end, UTC).date()
        raise ReportFault(0, f"its time ends on {day}, which is still to come")
