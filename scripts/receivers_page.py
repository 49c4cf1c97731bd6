#!/usr/bin/env python3
"""Print the tables of docs/reference/receivers.md, and draw its plots.

The counts beside the page (docs/reference/receivers/*.json) are what `avowal policy simulate
--json` printed, one file per archive; a test compares page and plots with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avowal.cli.simulation_report import file_name
from avowal.simulation.causes import Cause
from avowal.simulation.plot import svg
from avowal.simulation.result import EFFECTS, EffectRow, Outcome

FOLDER = Path(__file__).parents[1] / "docs" / "reference" / "receivers"
PLOTTED = ("unsigned:reject", "broken:reject", "2005:!", "dmarc:reject")


def archives() -> dict[str, dict[str, Any]]:
    """The counts by the name of the list."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def together() -> tuple[Outcome, ...]:
    """All archives added up: an outcome per policy."""
    found = archives().values()
    policies = next(iter(found))["policies"]
    return tuple(
        Outcome(one["policy"], one["record"], tuple(_rows([f["policies"][n] for f in found])))
        for n, one in enumerate(policies)
    )


def _rows(policies: list[dict[str, Any]]) -> Iterator[EffectRow]:
    for cause in Cause:
        rows = [p["causes"][cause.value] for p in policies if cause.value in p["causes"]]
        effects = {e: sum(row.get(e, 0) for row in rows) for e in EFFECTS}
        if rows:
            kept = {effect: number for effect, number in effects.items() if number}
            yield EffectRow(cause, sum(row["messages"] for row in rows), kept)


def plots() -> dict[str, str]:
    """The drawings by the name of their file."""
    return {file_name(one): svg(one) for one in together() if one.name in PLOTTED}


def causes_table() -> Iterator[str]:
    """A row per list: what its messages look like."""
    shown = [cause for cause in Cause if any(cause in _causes(f) for f in archives().values())]
    yield f"| list | messages | {' | '.join(shown)} |"
    yield "|---" * (len(shown) + 2) + "|"
    for name, found in archives().items():
        counts = _causes(found)
        shares = (_share(counts.get(cause, 0), found["messages"]) for cause in shown)
        yield f"| {name} | {found['messages']:,} | {' | '.join(shares)} |"


def policies_table() -> Iterator[str]:
    """A row per list: the share each policy acts on, at least and at most."""
    names = [one.name for one in together()]
    yield f"| list | {' | '.join(f'`{name}`' for name in names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for name, found in archives().items():
        cells = (_between(policy, found["messages"]) for policy in found["policies"])
        yield f"| {name} | {' | '.join(cells)} |"


def effects_table(outcome: Outcome) -> Iterator[str]:
    """The table that goes with a plot: a row per cause."""
    shown = [effect for effect in EFFECTS if any(row.count(effect) for row in outcome.rows)]
    yield f"| `{outcome.name}` | messages | {' | '.join(shown)} |"
    yield "|---" * (len(shown) + 2) + "|"
    for row in outcome.rows:
        counts = " | ".join(f"{row.count(effect):,}" for effect in shown)
        yield f"| {row.cause} | {row.messages:,} | {counts} |"


def _causes(found: dict[str, Any]) -> dict[Cause, int]:
    causes = found["policies"][0]["causes"]
    return {Cause(name): row["messages"] for name, row in causes.items()}


def _share(number: int, of: int) -> str:
    percent = 100 * number / of
    return "0" if not number else "< 1 %" if percent < 1 else f"{percent:.0f} %"


def _between(policy: dict[str, Any], messages: int) -> str:
    rows = policy["causes"].values()
    least = sum(n for row in rows for e, n in row.items() if e in EFFECTS[2:])
    most = least + sum(row.get("open", 0) for row in rows)
    low, high = _share(least, messages), _share(most, messages)
    return low if low == high else f"{low.removesuffix(' %')}–{high}"


def tables() -> str:
    """All tables in the order of the page."""
    plotted = [one for one in together() if one.name in PLOTTED]
    parts = [causes_table(), policies_table(), *map(effects_table, plotted)]
    return "\n\n".join("\n".join(part) for part in parts)


if __name__ == "__main__":
    for name, drawing in plots().items():
        (FOLDER / name).write_text(drawing, encoding="utf-8")
    print(tables())
