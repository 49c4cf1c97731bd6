"""A simulation as text, as JSON and as plots with their tables (docs/reference/json.md)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from html import escape

from avowal.cli.exits import os_error
from avowal.errors import UsageError
from avowal.simulation.causes import Cause
from avowal.simulation.evidence import Fate
from avowal.simulation.plot import svg
from avowal.simulation.result import EFFECTS, Outcome, Simulation
from avowal.text import counted, printable

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Policies tried on mail that is here</title>
<meta name="viewport" content="width=device-width">
<style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;
margin:2rem auto;padding:0 1rem}}table{{border-collapse:collapse;margin:1rem 0 3rem}}
th,td{{padding:.2rem .8rem;text-align:right}}th:first-child,td:first-child{{text-align:left}}
tr+tr{{border-top:1px solid #8884}}img{{max-width:100%;height:auto}}</style></head><body>
<h1>Policies tried on mail that is here</h1>
<p>{summary}</p>
{plots}
</body></html>
"""


def as_text(found: Simulation) -> str:
    """Return lines for a person."""
    return "\n".join(_lines(found))


def _lines(found: Simulation) -> Iterator[str]:
    yield from _summary(found)
    yield ""
    for cause, number in found.causes.items():
        yield f"{cause.value:<15}{number:>9,}  {cause.sentence}"
    for outcome in found.outcomes:
        record = "" if outcome.record is None else f"  ({printable(outcome.record)})"
        yield ""
        yield f"{printable(outcome.name)}{record}"
        shown = _effects(outcome)
        yield f"  {'':<15}{'messages':>10}" + "".join(f"{effect:>12}" for effect in shown)
        for name, messages, counts in _table(outcome, shown):
            yield f"  {name:<15}{messages:>10,}" + "".join(f"{count:>12,}" for count in counts)


def _summary(found: Simulation) -> Iterator[str]:
    end = ", interrupted: the rest was not looked at" if found.interrupted else ""
    unusable = f", {counted(found.unreadable, 'source')} not usable" if found.unreadable else ""
    yield f"{counted(found.messages, 'message')}{unusable}{end}"
    signatures = ", ".join(f"{fate} {found.signatures[fate]:,}" for fate in Fate)
    yield f"signatures: {signatures}"
    yield (
        f"author organizations: {found.organizations:,}, of which {found.signing:,} sign nearly"
        " all of their mail here"
    )
    if found.beyond:
        yield f"organizations beyond the limit: {found.beyond:,} messages of them, told less of"
    if found.signatures[Fate.OPEN]:
        yield "open: the body is as it was signed, the key is not to be had; counted both ways"


def _effects(outcome: Outcome) -> list[str]:
    return [effect for effect in EFFECTS if any(row.count(effect) for row in outcome.rows)]


def _table(outcome: Outcome, shown: list[str]) -> Iterator[tuple[str, int, list[int]]]:
    """Yield a row per cause and one for all: name, messages, and the count of each effect."""
    for row in outcome.rows:
        yield row.cause.value, row.messages, [row.count(effect) for effect in shown]
    totals = [sum(row.count(effect) for row in outcome.rows) for effect in shown]
    yield "all", sum(totals), totals


def as_json(found: Simulation) -> str:
    """Return the JSON object of a simulation; members are added, never renamed."""
    return json.dumps({
        "messages": found.messages,
        "unreadable": found.unreadable,
        "interrupted": found.interrupted,
        "organizations": found.organizations,
        "signing_organizations": found.signing,
        "beyond_limit": found.beyond,
        "signatures": {fate.value: number for fate, number in found.signatures.items()},
        "policies": [
            {
                "policy": outcome.name,
                "record": outcome.record,
                "causes": {
                    row.cause.value: {"messages": row.messages, **row.effects}
                    for row in outcome.rows
                },
            }
            for outcome in found.outcomes
        ],
    })  # fmt: skip


def write_plots(found: Simulation, folder: str) -> None:
    """Write an SVG per candidate and ``index.html``, where each stands beside its table.

    Raises UsageError.
    """
    sections = []
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as the other commands name paths
        for outcome in found.outcomes:
            name = file_name(outcome)
            _write(os.path.join(folder, name), svg(outcome))  # noqa: PTH118
            sections.append(_section(outcome, name))
        summary = "<br>".join(escape(line) for line in (*_summary(found), *_legend(found)))
        page = _PAGE.format(summary=summary, plots="\n".join(sections))
        _write(os.path.join(folder, "index.html"), page)  # noqa: PTH118
    except OSError as error:
        raise UsageError(f"--plots: {os_error(error)}") from None


def _legend(found: Simulation) -> Iterator[str]:
    return (f"{cause}: {cause.sentence}" for cause in Cause if cause in found.causes)


def file_name(outcome: Outcome) -> str:
    """Return the name of a candidate's plot: its letters and digits, signs spelled out."""
    signs = {"~": "neutral", "-": "strong", "!": "exclusive", "?": "weak", ".": "never"}
    kind, _, rest = outcome.name.partition(":")
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{kind} {signs.get(rest, rest)}").strip("-").lower()
    return f"{words}.svg"


def _section(outcome: Outcome, image: str) -> str:
    shown = _effects(outcome)
    head = "".join(f"<th>{word}</th>" for word in ("", "messages", *shown))
    rows = "\n".join(
        f"<tr><td>{name}</td>" + "".join(f"<td>{n:,}</td>" for n in (messages, *counts)) + "</tr>"
        for name, messages, counts in _table(outcome, shown)
    )
    title = escape(outcome.name)
    record = "" if outcome.record is None else f"<p><code>{escape(outcome.record)}</code></p>"
    return (
        f'<h2>{title}</h2>{record}<img src="{image}" alt="{title}: the table below as bars">'
        f"<table><tr>{head}</tr>\n{rows}</table>"
    )


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - as above
        file.write(text)
