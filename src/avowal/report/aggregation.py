"""From counts of a day to aggregate reports: a pure function, in one pass (RFC 9990 §3.1).

Counts come domain by domain, as stores give them.  A policy domain gets one report for each
configuration that was seen of it; where more kinds of messages came than a report tells, it gets
several, each with a Report-ID of its own (RFC 9990 §3.5.1), and memory holds the rows of one.
The same counts give the same reports, under the same names: whoever gets one twice can tell.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from avowal.dates import date_of
from avowal.dkim.reasons import Reason, Result
from avowal.policy.dmarc.record import Policy
from avowal.report.aggregate import (
    AggregateReport,
    Aligned,
    DiscoveryMethod,
    Disposition,
    DkimAuthResult,
    OverrideType,
    PolicyOverrideReason,
    PolicyPublished,
    Record,
    ReportMetadata,
    SpfAuthResult,
    SpfResultWord,
)
from avowal.report.event import (
    EventKey,
    EventPolicy,
    EventReason,
    EventSender,
    EventSignature,
)
from avowal.report.event_store import DAY

MOST_ROWS = 100_000
"""Of one report, and in memory: a day of more kinds of messages is told in several."""
MOST_REPORTS = 10
"""Of a domain and day: who sends more kinds of mail in its name wants to flood its owner."""
_REMEMBERED = 4096  # signatures, senders and reasons that are made once


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reports: `domain` is the submitter, `email` its contact and the sender of reports."""

    organization: str
    domain: str
    email: str
    contact: str | None = None
    software: str | None = None


class _Row(NamedTuple):
    """What one row of a report tells: RFC 9990 counts by it."""

    source: str
    author: str
    disposition: str
    dkim_aligned: bool
    spf_aligned: bool
    reasons: tuple[EventReason, ...]
    spf: EventSender | None
    dkim: tuple[EventSignature, ...]


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
    reported = ((key, number) for key, number in counts if key.is_reported)
    for domain, group in groupby(reported, key=lambda one: _domain(one[0])):
        day_of_domain = _DomainDay(domain, day, reporter)
        for key, number in group:
            yield from day_of_domain.take(key, number)
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
        self._rows: dict[EventPolicy, Counter[_Row]] = {}
        self._parts: Counter[EventPolicy] = Counter()
        self._held: AggregateReport | None = None
        self._number = 0  # of rows in memory
        self._only_reports = True
        self._is_split = False
        self.made = self.beyond_kinds = self.beyond_messages = 0

    def take(self, key: EventKey, number: int) -> Iterator[AggregateReport]:
        """Count messages of a kind; yield reports that are full."""
        if key.policy is None or key.source is None or key.disposition is None:
            return  # `is_reported` has seen to it
        self._only_reports = self._only_reports and key.report_mail
        row, rows = _row(key, key.source, key.disposition), self._rows.get(key.policy)
        if rows is not None and row in rows:
            rows[row] += number
            return
        if self._number >= MOST_ROWS:
            self._is_split = True
            yield from self._flush()
        if self._is_full:
            self._leave_out(1, number)
            return
        self._number += 1
        self._rows.setdefault(key.policy, Counter())[row] += number

    def end(self) -> Iterator[AggregateReport]:
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

    def _flush(self) -> Iterator[AggregateReport]:
        """Make reports of the rows; yield those before the last one."""
        rows, self._rows, self._number = self._rows, {}, 0
        for policy in sorted(rows, key=repr) if len(rows) > 1 else rows:
            if self._is_full or self._only_reports:
                self._leave_out(len(rows[policy]), rows[policy].total())
                continue
            self._parts[policy] += 1
            made = self._report(policy, rows[policy])
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

    def _told(self, report: AggregateReport) -> AggregateReport:
        """Say in a report what no report tells (RFC 9990 §3.1.5: the error element)."""
        if not self.beyond_kinds:
            return report
        errors = (*report.metadata.errors, self._beyond)
        return replace(report, metadata=replace(report.metadata, errors=errors))

    def _report(self, policy: EventPolicy, rows: Counter[_Row]) -> AggregateReport:
        part, day = self._parts[policy], self._day
        errors: tuple[str, ...] = ()
        if self._is_split:
            errors = (f"part {part} of several: a report tells of {MOST_ROWS} kinds at most",)
        return AggregateReport(
            version="1.0",
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
            policy=_published(self._domain, policy),
            records=tuple([_record(row, number) for row, number in rows.items()]),
        )


def _domain(key: EventKey) -> str:
    return "" if key.policy is None else key.policy.domain


def _row(key: EventKey, source: str, disposition: str) -> _Row:
    return _Row(
        source, key.author or "", disposition, key.dkim_aligned, key.spf_aligned, key.reasons,
        key.spf, key.dkim,
    )  # fmt: skip


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


@lru_cache(_REMEMBERED)
def _published(domain: str, policy: EventPolicy) -> PolicyPublished:
    """The policy as it was applied: a record without p= that asks for reports is p=none."""
    return PolicyPublished(
        domain=domain,
        p=Policy.NONE if policy.p is None else Policy(policy.p),
        sp=None if policy.sp is None else Policy(policy.sp),
        np=None if policy.np is None else Policy(policy.np),
        fo=policy.fo,
        adkim=policy.adkim,
        aspf=policy.aspf,
        testing=policy.testing,
        discovery_method=DiscoveryMethod(policy.discovery),
        pct=policy.pct,
    )


def _record(row: _Row, number: int) -> Record:
    spf = row.spf
    sender = None if spf is None else spf.domain
    return Record(
        source_ip=row.source,
        count=number,
        disposition=_DISPOSITIONS[row.disposition],
        dkim=_ALIGNED[row.dkim_aligned],
        spf=_ALIGNED[row.spf_aligned],
        header_from=row.author,
        envelope_from="" if spf is not None and spf.scope == "helo" else sender,
        reasons=tuple([_reason(one) for one in row.reasons]),
        dkim_results=_signatures(row.dkim),
        spf_results=() if spf is None or spf.domain is None else (_spf(spf),),
    )


@lru_cache(_REMEMBERED)
def _reason(one: EventReason) -> PolicyOverrideReason:
    return PolicyOverrideReason(type=OverrideType(one.type), comment=one.comment or None)


@lru_cache(_REMEMBERED)
def _signatures(found: tuple[EventSignature, ...]) -> tuple[DkimAuthResult, ...]:
    """All results but of signatures without a selector, which a report has no place for."""
    return tuple([_signature(one) for one in found if one.selector is not None])


def _signature(one: EventSignature) -> DkimAuthResult:
    return DkimAuthResult(
        domain=one.domain,
        selector=one.selector,
        result=_RESULTS.get(one.result),
        human_result=None if one.reason is None else _SENTENCES.get(one.reason, one.reason),
    )


@lru_cache(_REMEMBERED)
def _spf(one: EventSender) -> SpfAuthResult:
    return SpfAuthResult(
        domain=one.domain or "", scope=one.scope, result=_SPF_RESULTS.get(one.result)
    )


_ALIGNED = (Aligned.FAIL, Aligned.PASS)
_DISPOSITIONS = {one.value: one for one in Disposition}
_RESULTS = {str(one.value): one for one in Result}
_SPF_RESULTS = {one.value: one for one in SpfResultWord}
_SENTENCES = {str(one.value): one.sentence for one in Reason}
