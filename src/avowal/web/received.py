"""What received reports say of a domain, day by day: the trend on its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from avowal.dates import date_of
from avowal.report.overview import Overview, overview
from avowal.report.received import Period
from avowal.stores.received import open_kept_reports, shown
from avowal.text import printable
from avowal.web.stored import TREND_DAYS, TrendDay

SEEN_SOURCES: Final = 20
"""Sources of mail that are shown, those that fail newly first."""


class SourceView(NamedTuple):
    """An address that sent mail of the domain: what it is, and how its mail fared."""

    address: str
    kind: str
    label: str
    passed: int
    total: int
    newly: bool


class ReportView(NamedTuple):
    """The last days that reports are of; `low` and `high` is what p=reject would have cost."""

    store: str
    first: str = ""
    last: str = ""
    passed: int = 0
    total: int = 0
    trend: tuple[TrendDay, ...] = ()
    sources: tuple[SourceView, ...] = ()
    sources_left: int = 0
    low: int = 0
    high: int = 0


def reports_of(store_name: str, domain: str) -> ReportView:
    """Read what a store holds of a domain; without days where it holds nothing.

    Raises StoreError.
    """
    with open_kept_reports(store_name) as store:
        whole = store.period(domain)
        if whole is None:
            return ReportView(printable(shown(store_name)))
        period = Period(max(whole.first, whole.last - TREND_DAYS + 1), whole.last)
        return _view(printable(shown(store_name)), overview(store, domain, period))


def _view(name: str, seen: Overview) -> ReportView:
    first, last = seen.period
    low, high = (0, 0) if seen.cost is None else (seen.cost.low, seen.cost.high)
    return ReportView(
        store=name,
        first=date_of(first),
        last=date_of(last),
        passed=seen.total.passed,
        total=seen.total.total,
        trend=tuple(_trend(seen)),
        sources=tuple(
            SourceView(
                printable(one.address), one.kind.sentence, printable(one.label),
                one.passed, one.messages, one.newly_failing or one.is_new,
            )
            for one in seen.sources[:SEEN_SOURCES]
        ),
        sources_left=max(0, len(seen.sources) - SEEN_SOURCES),
        low=low,
        high=high,
    )  # fmt: skip


def _trend(seen: Overview) -> Iterator[TrendDay]:
    rows = {row.day: row for row in seen.days}
    for day in range(seen.period.first, seen.period.last + 1):
        row = rows.get(day)
        passed, total = (0, 0) if row is None else (row.passed, row.passed + row.failed)
        yield TrendDay(
            date_of(day), passed, total, round(100 * passed / total, 1) if total else None
        )
