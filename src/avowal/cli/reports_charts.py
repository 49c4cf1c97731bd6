"""The pictures of the page about a domain: SVG within HTML, in the page's own colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

from avowal.cli.reports_view import chosen, percent
from avowal.dates import date_of
from avowal.report.overview import Cost, Overview, Source
from avowal.report.shares import Share
from avowal.text import printable

_WIDTH = 720
_HEIGHT = 180
_ROW = 24
_MOST_SOURCES = 12
_MOST_RECEIVERS = 8
_MOST_KEYS = 12
_NAME = 26  # characters


def trend(seen: Overview) -> str:
    """Bars of each day: what passed, and above it what failed."""
    days = {day.day: day for day in seen.days}
    span = range(seen.period.first, seen.period.last + 1)
    most = max((day.passed + day.failed for day in seen.days), default=1) or 1
    step = _WIDTH / len(span)
    bars = []
    for at, number in enumerate(span):
        day = days.get(number)
        if day is None:
            continue
        good, bad = (_HEIGHT * part / most for part in (day.passed, day.failed))
        told = f"{date_of(number)}: {day.passed:,} passed, {day.failed:,} failed"
        x, width = at * step + step * 0.1, step * 0.8
        bars.append(
            f"<g><title>{told}</title>"
            f'<rect class=good x="{x:.1f}" y="{_HEIGHT - good:.1f}" width="{width:.1f}" '
            f'height="{good:.1f}"/><rect class=bad x="{x:.1f}" '
            f'y="{_HEIGHT - good - bad:.1f}" width="{width:.1f}" height="{bad:.1f}"/></g>'
        )
    label = f"Messages by day: {seen.total.passed:,} passed, {seen.total.failed:,} failed"
    picture = _stretched(_HEIGHT, label, "".join(bars), "11rem")
    ends = f"<span>{date_of(span[0])}</span><span>{date_of(span[-1])}</span>"
    return f"<div class=dim>{most:,}</div>{picture}<div class=ends>{ends}</div>"


def sources(seen: Overview) -> str:
    """A bar for each of the first sources: what passed, and what failed."""
    shown = chosen(seen.sources, _MOST_SOURCES)
    most = max((one.messages for one in shown), default=1) or 1
    return "".join(_bar(one, most) for one in shown)


def _bar(one: Source, most: int) -> str:
    good, bad = (_WIDTH * part / most for part in (one.passed, one.failed))
    new = ", newly failing" if one.newly_failing else ", new" if one.is_new else ""
    label = f" {one.label}" if one.label else ""
    mark = "bad" if one.newly_failing or (one.is_new and not one.is_known) else "dim"
    told = f"{one.passed:,} passed, {one.failed:,} failed"
    inner = (
        f'<rect class=good x="0" y="0" width="{good:.1f}" height="12"/>'
        f'<rect class=bad x="{good:.1f}" y="0" width="{bad:.1f}" height="12"/>'
    )
    return (
        f"<div class=bar><span>{_text(one.name or one.address)}</span> "
        f"<span class={mark}>{_text(f'{one.kind}{label}{new}')}</span></div>"
        + _stretched(12, f"{one.address}: {told}", inner, ".75rem")
    )


def shares(seen: Overview) -> str:
    """A field for each key at each receiver, green where all passes, red where nothing does."""
    found = seen.receivers
    receivers = _largest(found)[:_MOST_RECEIVERS]
    keys = list(dict.fromkeys((domain, selector) for domain, selector, _ in sorted(found)))
    left, top, cell = 190, 24, 74
    parts = [
        f'<text class=dim x="{left + at * cell + 2}" y="14">{_text(_short(name, 9))}</text>'
        for at, name in enumerate(receivers)
    ]
    for row, (domain, selector) in enumerate(keys[:_MOST_KEYS]):
        y = top + row * _ROW
        parts.append(
            f'<text x="0" y="{y + 16}">{_text(_short(f"{selector}  {domain}", _NAME))}</text>'
        )
        for at, receiver in enumerate(receivers):
            share = found.get((domain, selector, receiver))
            if share is None or share.rate is None:
                continue
            open_ = share.interval.high - share.interval.low
            told = f"{selector} at {receiver}: {percent(share)} of {share.total:,}"
            colour = "good" if share.rate > 0.98 else "bad" if share.rate < 0.9 else "soft"
            x = left + at * cell
            parts.append(
                f"<g><title>{_text(told)}</title>"
                f'<rect class={colour} x="{x}" y="{y}" width="{cell - 3}" height="{_ROW - 3}" '
                f'rx="3" opacity="{max(0.25, 0.75 - open_):.2f}"/>'
                f'<text x="{x + 6}" y="{y + 15}">{percent(share)}</text></g>'
            )
    height = top + min(len(keys), _MOST_KEYS) * _ROW
    width = max(left + len(receivers) * cell, 320)
    return _svg(height, "Share of signatures that passed", "".join(parts), width=width)


def ranges(cost: Cost) -> str:
    """Three bars in each other: all of a day, what failed, what failed of known sources."""
    total = cost.total or 1
    high, low = (_WIDTH * part / total for part in (cost.high, cost.low))
    label = f"Between {cost.low:,} and {cost.high:,} of {cost.total:,} messages"
    return _svg(
        30, label,
        f'<rect class=soft x="0" y="4" width="{_WIDTH}" height="22" rx="3"/>'
        f'<rect class=bad x="0" y="4" width="{high:.1f}" height="22" rx="3" opacity="0.45"/>'
        f'<rect class=bad x="0" y="4" width="{low:.1f}" height="22" rx="3"/>',
    )  # fmt: skip


def _largest(found: Mapping[tuple[str, str, str], Share]) -> list[str]:
    """The receivers, those with most signatures first."""
    counted: Counter[str] = Counter()
    for (_, _, receiver), share in found.items():
        counted[receiver] += share.total
    return [name for name, _ in counted.most_common()]


def _svg(height: float, label: str, inner: str, *, width: int = _WIDTH) -> str:
    return (
        f'<svg role=img aria-label="{_text(label)}" viewBox="0 0 {width} {height:.0f}" '
        f'style="max-width: {width}px">{inner}</svg>'
    )


def _stretched(height: int, label: str, inner: str, tall: str) -> str:
    """A picture without words, as wide as there is room."""
    return (
        f'<svg role=img aria-label="{_text(label)}" viewBox="0 0 {_WIDTH} {height}" '
        f'preserveAspectRatio="none" style="height: {tall}"><title>{_text(label)}</title>'
        f"{inner}</svg>"
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
