"""An overview of received reports as text and as JSON: tables, and sparklines of days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from avowal.dates import date_of
from avowal.report.overview import Overview, Source, SourceKind
from avowal.report.shares import Share
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.report.received import DayRow

_BARS = " ▁▂▃▄▅▆▇█"
_MOST_ROWS = 15
_MOST_CROWD = 4  # unknown sources that are shown one by one, new ones and others
_NAME = 34


def as_text(seen: Overview) -> str:
    """Return what a person reads in a terminal."""
    return "\n".join(_lines(seen))


def _lines(seen: Overview) -> Iterator[str]:
    total, policy = seen.total, seen.policy
    asked = "no policy" if policy is None or policy.p is None else f"p={policy.p}"
    first, last = map(date_of, seen.period)
    yield f"{printable(seen.domain)}  {first} to {last}  {asked}"
    yield f"  {total.total:,} messages, {percent(total)} passed DMARC"
    yield f"  passed  {spark([day.passed for day in _filled(seen)])}"
    yield f"  failed  {spark([day.failed for day in _filled(seen)])}"
    yield from _cost(seen)
    yield from _alerts(seen)
    yield from _table(
        "sources", ("address", "what", "messages", "passed", "newly"),
        [_source(one) for one in chosen(seen.sources, _MOST_ROWS)], len(seen.sources),
    )  # fmt: skip
    yield from _table(
        "keys", ("selector", "receiver", "signatures", "passed", "between"),
        list(_keys(seen)), len(seen.receivers),
    )  # fmt: skip
    yield from _table(
        "receivers", ("organisation", "reports", "messages", "last day", "unproven mail"),
        [
            (printable(r.receiver)[:_NAME], f"{r.reports:,}", f"{r.messages:,}", date_of(r.last),
             f"{r.unproven:,}")
            for r in seen.reporters
        ],
        len(seen.reporters),
    )  # fmt: skip
    if seen.tls:
        good, bad = sum(t.successful for t in seen.tls), sum(t.failed for t in seen.tls)
        yield f"\n  TLS     {good + bad:,} sessions, {bad:,} failed"
    if seen.failures:
        yield f"\n  failure reports  {sum(one.incidents for one in seen.failures):,}"


def _cost(seen: Overview) -> Iterator[str]:
    if seen.cost is not None:
        cost = seen.cost
        amount = f"{cost.low:,}" if cost.low == cost.high else f"{cost.low:,} to {cost.high:,}"
        yield (
            f"  p=reject on {date_of(cost.day)} would have refused {amount} of {cost.total:,} "
            f"messages ({cost.low:,} of sources that send for the domain)"
        )


def _alerts(seen: Overview) -> Iterator[str]:
    for text in alerts(seen):
        yield f"  ! {text}"


def alerts(seen: Overview) -> list[str]:
    """What somebody has to look at, in sentences; nothing where all is well."""
    found = [
        f"signatures with {fall.selector} of {fall.domain} pass less at {fall.receiver} since "
        f"{date_of(fall.first_day)}: {percent(fall.before)}, now {percent(fall.after)}"
        for fall in seen.fallen
    ]
    found += [
        f"{one.address} ({one.kind.sentence}) fails newly: {percent(one.before)} passed, now "
        f"{percent(one.recent)} of {one.recent.total:,}"
        for one in seen.newly_failing
    ]
    unknown = seen.new_unknown
    if unknown:
        messages = sum(one.failed for one in unknown)
        found.append(f"{len(unknown):,} new sources nobody knows, with {messages:,} messages")
    failed = sum(row.failed for row in seen.tls)
    if failed:
        found.append(f"{failed:,} TLS sessions to the mail servers failed")
    return [printable(text) for text in found]


def _source(one: Source) -> tuple[str, ...]:
    label = f" {one.label}" if one.label else ""
    name = f" {one.name}" if one.name else ""
    newly = "failing" if one.newly_failing else "there" if one.is_new else ""
    what = printable(f"{one.kind}{label}")[:_NAME]
    return printable(one.address + name), what, f"{one.messages:,}", percent(_share(one)), newly


def chosen(sources: Sequence[Source], most: int) -> list[Source]:
    """The sources to show where not all are: a crowd of small unknown ones hides no large one."""
    unknown = [one for one in sources if one.kind is SourceKind.UNKNOWN]
    new, old = [[one for one in unknown if one.is_new is is_new] for is_new in (True, False)]
    left_out = {one.address for one in (*new[_MOST_CROWD:], *old[_MOST_CROWD:])}
    return [one for one in sources if one.address not in left_out][:most]


def _share(one: Source) -> Share:
    return Share(one.passed, one.failed)


def _keys(seen: Overview) -> Iterator[tuple[str, ...]]:
    worst = sorted(seen.receivers.items(), key=lambda one: (one[1].interval.high, one[0]))
    for (domain, selector, receiver), share in worst:
        low, high = share.interval
        key = f"{selector}._domainkey.{domain}"
        yield (
            printable(key)[: _NAME + 10], printable(receiver)[:_NAME], f"{share.total:,}",
            percent(share), f"{low:.1%} to {high:.1%}",
        )  # fmt: skip


def _table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], number: int
) -> Iterator[str]:
    if not rows:
        return
    shown = [tuple(heads), *(tuple(row) for row in rows[:_MOST_ROWS])]
    widths = [max(len(row[at]) for row in shown) for at in range(len(heads))]
    yield f"\n  {title}"
    for row in shown:
        cells = [
            cell.ljust(width) if at < 2 or not row[at][:1].isdigit() else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"    {'  '.join(cells)}".rstrip()
    if number > _MOST_ROWS:
        yield f"    and {number - _MOST_ROWS:,} more (--json has all)"


def _filled(seen: Overview) -> list[DayRow]:
    from avowal.report.received import DayRow

    days = {day.day: day for day in seen.days}
    span = range(seen.period.first, seen.period.last + 1)
    return [days.get(day, DayRow(day, 0, 0, 0, 0)) for day in span]


def spark(numbers: Sequence[int]) -> str:
    """A line of bars; nothing is a space, the least of something the lowest bar."""
    most = max(numbers, default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-number * steps // most) if most else 0] for number in numbers)


def percent(share: Share) -> str:
    """A share as people read it; never 100 % where something failed."""
    if share.rate is None:
        return "-"
    if share.failed and share.rate > 0.999:
        return ">99.9%"
    return f"{share.rate:.1%}"


def as_object(seen: Overview) -> dict[str, object]:
    """Return the JSON object of an overview (docs/reference/reports.md)."""
    return {
        "domain": seen.domain,
        "first_day": date_of(seen.period.first),
        "last_day": date_of(seen.period.last),
        "policy": None if seen.policy is None else seen.policy.p,
        "passed": seen.total.passed,
        "failed": seen.total.failed,
        "alerts": alerts(seen),
        "reject_cost": None if seen.cost is None else {
            "day": date_of(seen.cost.day), "low": seen.cost.low, "high": seen.cost.high,
            "messages": seen.cost.total, "rejected": seen.cost.already,
        },
        "days": [d._asdict() | {"day": date_of(d.day)} for d in seen.days],
        "sources": [
            {
                "address": one.address, "name": one.name, "kind": one.kind.value,
                "label": one.label or None, "passed": one.passed, "failed": one.failed,
                "newly_failing": one.newly_failing, "new": one.is_new,
                "first_day": date_of(one.first), "last_day": date_of(one.last),
                "signers": list(one.signers), "authors": list(one.authors),
            }
            for one in seen.sources
        ],
        "keys": [
            {
                "domain": domain, "selector": selector, "receiver": receiver,
                "passed": share.passed, "failed": share.failed,
                "low": round(share.interval.low, 4), "high": round(share.interval.high, 4),
            }
            for (domain, selector, receiver), share in sorted(seen.receivers.items())
        ],
        "receivers": [r._asdict() | {"last": date_of(r.last)} for r in seen.reporters],
        "tls": [t._asdict() | {"day": date_of(t.day)} for t in seen.tls],
        "failures": [f._asdict() | {"day": date_of(f.day)} for f in seen.failures],
    }  # fmt: skip
