"""A page about a domain, in one file: no script, nothing loaded from anywhere, every word escaped.

Each picture is an SVG within the page and has its table beside it.  The page follows the
reader's choice of light and dark and the width of the screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from avowal.cli.reports_charts import ranges, shares, sources, trend
from avowal.cli.reports_view import alerts, percent
from avowal.dates import date_of
from avowal.report.overview import Overview, Source
from avowal.report.shares import Share
from avowal.text import printable

_MOST_ROWS = 200
_STYLE = """
:root { color-scheme: light dark; --good: #1a7f5a; --bad: #b3261e; --soft: #8883; --ink: #1b1b1f;
  --dim: #5f6368; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --good: #4fc08d; --bad: #ff8a80; --ink: #e6e6ea;
  --dim: #a5a8ad; --paper: #16171a; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 64rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; }
section { border: 1px solid var(--soft); border-radius: .5rem; padding: 0 1rem 1rem;
  margin: 1rem 0; }
.dim { color: var(--dim); } .bad { color: var(--bad); } .good { color: var(--good); }
.big { font-size: 1.8rem; font-weight: 600; } .cards { display: flex; flex-wrap: wrap; gap: 1rem; }
.cards div { flex: 1 1 9rem; } ul { padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.ends { display: flex; justify-content: space-between; color: var(--dim); font-size: .8rem; }
.bar { margin-top: .6rem; font-size: .9rem; overflow-wrap: anywhere; }
svg .dim { fill: var(--dim); } svg .good { fill: var(--good); }
svg .bad { fill: var(--bad); } svg .soft { fill: var(--soft); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--soft);
  vertical-align: top; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
summary { cursor: pointer; color: var(--dim); margin-top: .5rem; }
"""
_HEAD = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body>
"""


def write_page(seen: Overview, path: str) -> None:
    """Write the page to a file.  Raises OSError."""
    Path(path).write_text(page(seen), encoding="utf-8")


def page(seen: Overview) -> str:
    """Return the page."""
    title = _text(f"Mail of {seen.domain}")
    return "".join((_HEAD.format(title=title, style=_STYLE), *_body(seen), "</body></html>\n"))


def _body(seen: Overview) -> Iterator[str]:
    first, last = date_of(seen.period.first), date_of(seen.period.last)
    policy = "no policy" if seen.policy is None or seen.policy.p is None else f"p={seen.policy.p}"
    yield f"<h1>{_text(seen.domain)}</h1><p class=dim>{first} to {last}, published {policy}</p>"
    yield from _cards(seen)
    yield from _needs(seen)
    yield from _trend(seen)
    yield from _sources(seen)
    yield from _keys(seen)
    yield from _cost(seen)
    yield from _reporters(seen)
    yield from _others(seen)
    yield (
        "<p class=dim>From the reports of receivers. What they do not report is not here; "
        "who is not known may be a forger or a service that nobody told you of.</p>"
    )


def _cards(seen: Overview) -> Iterator[str]:
    total = seen.total
    yield "<section><div class=cards>"
    for big, small, mark in (
        (f"{total.total:,}", "messages", ""),
        (percent(total), "passed DMARC", "good"),
        (f"{total.failed:,}", "failed", "bad" if total.failed else ""),
        (f"{len(seen.sources):,}", "sources", ""),
        (f"{len(seen.reporters):,}", "receivers report", ""),
    ):
        yield f'<div><div class="big {mark}">{big}</div><div class=dim>{small}</div></div>'
    yield "</div></section>"


def _needs(seen: Overview) -> Iterator[str]:
    yield "<section><h2>What needs your eye</h2>"
    found = alerts(seen)
    if found:
        yield "<ul>"
        yield from (f"<li class=bad>{_text(text)}</li>" for text in found)
        yield "</ul>"
    else:
        yield "<p class=good>Nothing fails that used to pass, and no new source is unknown.</p>"
    yield "</section>"


def _trend(seen: Overview) -> Iterator[str]:
    yield f"<section><h2>Messages by day</h2>{trend(seen)}"
    yield from _table(
        ("day", "passed", "failed", "quarantined", "rejected"),
        [(date_of(d.day), d.passed, d.failed, d.quarantined, d.rejected) for d in seen.days],
    )
    yield "</section>"


def _sources(seen: Overview) -> Iterator[str]:
    yield (
        "<section><h2>Who sends</h2><p class=dim>Newly failing and new unknown ones first, then "
        f"by what fails.</p>{sources(seen)}"
    )
    yield from _table(
        ("address", "what it is", "passed", "failed", "first", "last", "signers"),
        [
            (
                f"{one.address} {one.name or ''}".strip(),
                _what(one),
                one.passed, one.failed, date_of(one.first), date_of(one.last),
                ", ".join(one.signers),
            )
            for one in seen.sources
        ],
    )  # fmt: skip
    yield "</section>"


def _what(one: Source) -> str:
    """What a source is, in words."""
    label = f" ({one.label})" if one.label else ""
    newly = ", newly failing" if one.newly_failing else ", new" if one.is_new else ""
    return f"{one.kind}{label}{newly}"


def _keys(seen: Overview) -> Iterator[str]:
    found = seen.receivers
    if not found:
        yield "<section><h2>Keys</h2><p>No signature of this domain was reported.</p></section>"
        return
    yield (
        "<section><h2>Keys and receivers</h2><p class=dim>The share of signatures that passed; "
        f"pale where few messages leave it open.</p><div class=scroll>{shares(seen)}</div>"
    )
    yield from _table(
        ("selector", "domain", "receiver", "passed", "failed", "share", "between"),
        [
            (selector, domain, receiver, share.passed, share.failed, percent(share),
             f"{share.interval.low:.1%} to {share.interval.high:.1%}")
            for (domain, selector, receiver), share in sorted(found.items())
        ],
    )  # fmt: skip
    yield "</section>"


def _cost(seen: Overview) -> Iterator[str]:
    if seen.cost is None:
        return
    cost = seen.cost
    yield (
        f"<section><h2>What would p=reject have cost on {date_of(cost.day)}?</h2>"
        f"<p>Between <b>{cost.low:,}</b> and <b>{cost.high:,}</b> of {cost.total:,} messages. "
        f"{cost.low:,} failed from sources that are known to send for the domain; the others may "
        f"be forged. Receivers rejected {cost.already:,} already.</p>{ranges(cost)}"
    )
    yield from _table(
        ("", "messages"),
        [
            ("all of that day", cost.total), ("failed", cost.high),
            ("failed, from known sources", cost.low), ("rejected already", cost.already),
        ],
    )  # fmt: skip
    yield "</section>"


def _reporters(seen: Overview) -> Iterator[str]:
    yield "<section><h2>Who reports</h2>"
    yield from _table(
        ("organisation", "reports", "messages", "last day", "copies", "from unproven mail"),
        [
            (r.receiver, r.reports, r.messages, date_of(r.last), r.copies, r.unproven)
            for r in seen.reporters
        ],
        open_=True,
    )
    yield "</section>"


def _others(seen: Overview) -> Iterator[str]:
    if seen.tls:
        total = Share(sum(t.successful for t in seen.tls), sum(t.failed for t in seen.tls))
        yield "<section><h2>TLS to the mail servers</h2>"
        yield f"<p>{percent(total)} of {total.total:,} sessions.</p>"
        yield from _table(
            ("day", "sender", "policy", "successful", "failed"),
            [(date_of(t.day), t.organization, t.policy, t.successful, t.failed) for t in seen.tls],
        )
        yield "</section>"
    if seen.failures:
        yield "<section><h2>Failure reports</h2>"
        yield from _table(
            ("day", "address", "failure", "delivery", "messages"),
            [(date_of(f.day), *f[1:]) for f in seen.failures],
        )
        yield "</section>"


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[object]], *, open_: bool = False
) -> Iterator[str]:
    """A table; folded away where a picture shows the same."""
    if not open_:
        yield f"<details><summary>The same as a table ({len(rows):,} rows)</summary>"
    yield "<div class=scroll><table><tr>"
    numbers = [isinstance(cell, int) for cell in (rows[0] if rows else ())]
    for at, head in enumerate(heads):
        yield f"<th{' class=n' if numbers and numbers[at] else ''}>{_text(head)}</th>"
    yield "</tr>"
    for row in rows[:_MOST_ROWS]:
        yield "<tr>"
        for cell in row:
            yield (
                f"<td class=n>{cell:,}</td>" if isinstance(cell, int) else f"<td>{_cell(cell)}</td>"
            )
        yield "</tr>"
    yield "</table></div>"
    if len(rows) > _MOST_ROWS:
        yield f"<p class=dim>and {len(rows) - _MOST_ROWS:,} more</p>"
    if not open_:
        yield "</details>"


def _cell(cell: object) -> str:
    return "" if cell is None else _text(str(cell))


def _text(text: str) -> str:
    """Words as they stand in the page: strangers wrote some of them."""
    return escape(printable(text))
