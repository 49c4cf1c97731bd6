"""From counts of a day to aggregate reports: a pure function, in one pass (RFC 9990 §3.1).

Counts come domain by domain, as stores give them.  A policy domain gets one report for each
configuration that was seen of it; where more kinds of messages came than a report tells, it gets
several, each with a Report-ID of its own (RFC 9990 §3.5.1), and memory holds the rows of one.
The same counts give the same reports, under the same names: whoever gets one twice can tell.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, groupby
from typing import TypeAlias

from avowal.dates import DAY, date_of
from avowal.report.aggregate import (
    AggregateReport,
    PolicyPublished,
    Record,
    ReportMetadata,
)
from avowal.report.aggregate_rows import Outcome, published
from avowal.report.event import EventKey, EventPolicy
from avowal.valueclass import value

Alike: TypeAlias = tuple[EventKey, Iterable[tuple[str, int]]]
"""A kind of messages, whatever its address, and the addresses with their numbers."""

MOST_ROWS = 100_000
"""Of one report, and in memory: a day of more kinds of messages is told in several."""
MOST_REPORTS = 10
"""Of a domain and day: who sends more kinds of mail in its name wants to flood its owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports: `domain` is the submitter, `email` its contact and the sender of reports."""

    organization: str
    domain: str
    email: str
    contact: str | None = None
    software: str | None = None


@value
class CountedReport:
    """A report before its records are made: what messages came to, and how many of each address.

    A record of `rows` stands for all addresses beside it; its own address and count are of none.
    """

    metadata: ReportMetadata
    policy: PolicyPublished
    rows: tuple[tuple[Record, Mapping[str, int]], ...]

    @property
    def kinds(self) -> int:
        """How many records it has."""
        return sum(len(counts) for _, counts in self.rows)

    @property
    def messages(self) -> int:
        """How many messages it counts."""
        return sum(sum(counts.values()) for _, counts in self.rows)

    def report(self) -> AggregateReport:
        """Return it with its records."""
        records = chain.from_iterable(
            (replace(record, source_ip=source, count=number) for source, number in counts.items())
            for record, counts in self.rows
        )
        return AggregateReport(
            version="1.0", metadata=self.metadata, policy=self.policy, records=tuple(records)
        )


def aggregate_reports(
    counts: Iterable[tuple[EventKey, int]],
    day: int,
    reporter: Reporter,
    *,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Iterator[AggregateReport]:
    """Yield the reports of a UTC day, of counts that come domain by domain.

    What stands in no report (`EventKey.is_reported`) is passed over, and so is a domain of
    which nothing came but reports to us: two receivers would write to each other for ever.
    Of a flood the first `MOST_REPORTS` times `MOST_ROWS` kinds are told, and how many more
    there were stands in the error element of the last report; `tell` is told the same.
    """
    reported = ((key, ((key.source or "", number),)) for key, number in counts if key.is_reported)
    for counted in counted_reports(reported, day, reporter, tell=tell):
        yield counted.report()


def counted_reports(
    alike: Iterable[Alike], day: int, reporter: Reporter, *, tell: Callable[[str], None]
) -> Iterator[CountedReport]:
    """Yield the same reports of kinds that are reported, their records not made yet."""
    for domain, group in groupby(alike, key=lambda one: _domain(one[0])):
        day_of_domain = _DomainDay(domain, day, reporter)
        for key, sources in group:
            yield from day_of_domain.take(key, sources)
        yield from day_of_domain.end()
        if day_of_domain.made > 1 or day_of_domain.beyond_kinds:
            tell(day_of_domain.sentence)


class _DomainDay:
    """The reports about one policy domain, made of counts as they come.

    A report is held back until another follows or the domain has ended: the last one says what
    was left out.
    """

    def __init__(self, domain: str, day: int, reporter: Reporter) -> None:
        self._domain, self._day, self._reporter = domain, day, reporter
        self._rows: dict[EventPolicy, dict[Outcome, dict[str, int]]] = {}
        self._parts: Counter[EventPolicy] = Counter()
        self._held: CountedReport | None = None
        self._number = 0  # of rows in memory
        self._only_reports = True
        self._is_split = False
        self.made = self.beyond_kinds = self.beyond_messages = 0

    def take(self, key: EventKey, sources: Iterable[tuple[str, int]]) -> Iterator[CountedReport]:
        """Count messages of a kind by their address; yield reports that are full."""
        if key.policy is None or key.disposition is None:
            return  # `is_reported` has seen to it
        self._only_reports = self._only_reports and key.report_mail
        outcome = Outcome.of(key, key.disposition)
        counts = self._rows.setdefault(key.policy, {}).setdefault(outcome, {})
        for source, number in sources:
            if source in counts:
                counts[source] += number
                continue
            if self._number >= MOST_ROWS:
                self._is_split = True
                yield from self._flush()
                counts = self._rows.setdefault(key.policy, {}).setdefault(outcome, {})
            if self._is_full:
                self._leave_out(1, number)
                continue
            self._number += 1
            counts[source] = number

    def end(self) -> Iterator[CountedReport]:
        """Yield what is left."""
        if self._only_reports:
            return
        yield from self._flush()
        if self._held is not None:
            self.made += 1
            yield self._told(self._held)

    @property
    def sentence(self) -> str:
        """What a person is told."""
        told = f"{self._domain}: {self.made} reports about one day, {MOST_ROWS} kinds each at most"
        return f"{told}; {self._beyond}" if self.beyond_kinds else told

    @property
    def _beyond(self) -> str:
        return (
            f"{self.beyond_messages} messages of {self.beyond_kinds} further kinds are not told:"
            f" a domain gets {MOST_REPORTS} reports of a day at most"
        )

    def _flush(self) -> Iterator[CountedReport]:
        """Make reports of the rows; yield those before the last one."""
        rows, self._rows, self._number = self._rows, {}, 0
        for policy in sorted(rows, key=repr) if len(rows) > 1 else rows:
            made = self._report(policy, rows[policy])
            if not made.rows:
                continue
            if self._is_full or self._only_reports:
                self._leave_out(made.kinds, made.messages)
                continue
            self._parts[policy] += 1
            if self._held is not None:
                self.made += 1
                yield self._held
            self._held = made

    @property
    def _is_full(self) -> bool:
        return self.made + (self._held is not None) >= MOST_REPORTS

    def _leave_out(self, kinds: int, messages: int) -> None:
        self.beyond_kinds += kinds
        self.beyond_messages += messages

    def _told(self, report: CountedReport) -> CountedReport:
        """Say in a report what no report tells (RFC 9990 §3.1.5: the error element)."""
        if not self.beyond_kinds:
            return report
        errors = (*report.metadata.errors, self._beyond)
        return replace(report, metadata=replace(report.metadata, errors=errors))

    def _report(self, policy: EventPolicy, rows: dict[Outcome, dict[str, int]]) -> CountedReport:
        part, day = self._parts[policy] + 1, self._day
        errors: tuple[str, ...] = ()
        if self._is_split:
            errors = (f"part {part} of several: a report tells of {MOST_ROWS} kinds at most",)
        return CountedReport(
            metadata=ReportMetadata(
                org_name=self._reporter.organization,
                email=self._reporter.email,
                extra_contact_info=self._reporter.contact,
                report_id=report_id(day, policy, self._reporter, part=part),
                begin=day * DAY,
                end=(day + 1) * DAY - 1,  # periods do not overlap (RFC 9990 §3.1.1.4)
                errors=errors,
                generator=self._reporter.software,
            ),
            policy=published(self._domain, policy),
            rows=tuple([(one.record("", 0), counts) for one, counts in rows.items() if counts]),
        )


def _domain(key: EventKey) -> str:
    return "" if key.policy is None else key.policy.domain


def report_id(day: int, policy: EventPolicy, reporter: Reporter, *, part: int = 1) -> str:
    """Return the name of a report, letters and digits: the same for the same day and policy.

    It is the unique-id of the file name too, which has no other characters (RFC 9990 §3.5.2); the
    `part` of a day that is told in several has a name of its own.
    """
    what = (reporter.domain, day, policy) if part == 1 else (reporter.domain, day, policy, part)
    return _date(day) + hashlib.blake2b(repr(what).encode(), digest_size=8).hexdigest()


@lru_cache(4)
def _date(day: int) -> str:
    return date_of(day).replace("-", "")
