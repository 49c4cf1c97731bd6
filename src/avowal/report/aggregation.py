"""From counts of a day to aggregate reports: a pure function, in one pass (RFC 9990 §3.1).

Counts come domain by domain, as stores give them; memory holds the rows of one domain.  A
policy domain gets one report for each configuration that was seen of it.  The same counts
give the same reports, under the same names: whoever gets one twice can tell.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

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
"""Of a domain and day: who sends more kinds of mail in its name wants to fill our memory."""
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
    refuse: Callable[[str], None] = lambda sentence: None,
) -> Iterator[AggregateReport]:
    """Yield the reports of a UTC day, of counts that come domain by domain.

    What stands in no report (`EventKey.is_reported`) is passed over, and so is a domain of
    which nothing came but reports to us: two receivers would write to each other for ever.
    `refuse` is told of a domain with more than `MOST_ROWS`, which gets no report.
    """
    reported = ((key, number) for key, number in counts if key.is_reported)
    for domain, group in groupby(reported, key=lambda one: _domain(one[0])):
        rows: dict[EventPolicy, Counter[_Row]] = {}
        only_reports, found = True, 0
        for key, number in group:
            found += 1
            if found > MOST_ROWS:
                rows.clear()
                continue
            if key.policy is None or key.source is None or key.disposition is None:
                continue  # `is_reported` has seen to it
            only_reports = only_reports and key.report_mail
            rows.setdefault(key.policy, Counter())[_row(key, key.source, key.disposition)] += number
        if found > MOST_ROWS:
            refuse(f"{domain}: {found} kinds of messages, and a report has {MOST_ROWS} at most")
            continue
        if only_reports:
            continue
        for policy in sorted(rows, key=repr) if len(rows) > 1 else rows:
            yield _report(domain, policy, rows[policy], day, reporter)


def _domain(key: EventKey) -> str:
    return "" if key.policy is None else key.policy.domain


def _row(key: EventKey, source: str, disposition: str) -> _Row:
    return _Row(
        source, key.author or "", disposition, key.dkim_aligned, key.spf_aligned, key.reasons,
        key.spf, key.dkim,
    )  # fmt: skip


def report_id(day: int, policy: EventPolicy, reporter: Reporter) -> str:
    """Return the name of a report, letters and digits: the same for the same day and policy.

    It is the unique-id of the file name too, which has no other characters (RFC 9990 §3.1.6).
    """
    told = repr((reporter.domain, day, policy)).encode()
    return _date(day) + hashlib.blake2b(told, digest_size=8).hexdigest()


@lru_cache(4)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y%m%d")


def _report(
    domain: str, policy: EventPolicy, rows: Counter[_Row], day: int, reporter: Reporter
) -> AggregateReport:
    return AggregateReport(
        version="1.0",
        metadata=ReportMetadata(
            org_name=reporter.organization,
            email=reporter.email,
            extra_contact_info=reporter.contact,
            report_id=report_id(day, policy, reporter),
            begin=day * DAY,
            end=(day + 1) * DAY - 1,  # periods do not overlap (RFC 9990 §3.1.1.4)
            generator=reporter.software,
        ),
        policy=_published(domain, policy),
        records=tuple([_record(row, number) for row, number in rows.items()]),
    )


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
