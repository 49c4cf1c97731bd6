#!/usr/bin/env python3
"""Draw the three models of the overview (docs/diagrams/*.svg): who signs, who verifies, where.

A test compares the drawings with what this script makes of the tables below.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "docs" / "diagrams"
_WIDTH, _BOX, _TALL, _GAP = 900, 128, 56, 52
_TOP = 118  # where the boxes stand
_STYLE = """
  .page{fill:#fff} text{font:13px system-ui,sans-serif;fill:#1b1b1f} .dim{fill:#55555f}
  .box{fill:#f4f4f7;stroke:#8a8a96} .signs{fill:#dcebd9;stroke:#4a8a3c}
  .verifies{fill:#dae6f5;stroke:#3d6fa8} .org{fill:none;stroke:#b9b9c4;stroke-dasharray:5 4}
  .line{stroke:#55555f;stroke-width:1.5;fill:none} .key{stroke:#3d6fa8;stroke-dasharray:2 4}
  .tip{fill:#55555f} .dns{fill:#fdf3dc;stroke:#b08a2e}
  @media (prefers-color-scheme:dark){
  .page{fill:#17171b} text{fill:#ececf0} .dim{fill:#a8a8b4}
  .box{fill:#26262c;stroke:#6e6e7a} .signs{fill:#243d1f;stroke:#7fbf6f}
  .verifies{fill:#1e3350;stroke:#7ea8da} .org{stroke:#55555f}
  .line{stroke:#a8a8b4} .key{stroke:#7ea8da} .tip{fill:#a8a8b4} .dns{fill:#3d3115;stroke:#d0aa4e}}
"""


class Box(NamedTuple):
    """A host or program: its lines, what it does with signatures, and what leads to it."""

    lines: tuple[str, ...]
    role: str = "box"
    by: str = ""


class Model(NamedTuple):
    """One drawing: its title, its boxes from left to right, and who runs which of them."""

    title: str
    boxes: tuple[Box, ...]
    organizations: tuple[tuple[str, int, int], ...]
    publishes: tuple[int, ...]  # the boxes whose keys stand in DNS
    asks: int  # the box that asks for keys


MODELS = {
    "simple": Model(
        "Simple: the submission server signs, the last server verifies",
        (
            Box(("Mail program", "(author)")),
            Box(("Submission", "server signs"), "signs", "AUTH, TLS"),
            Box(("Relays", "on the way")),
            Box(("Mail server", "verifies"), "verifies"),
            Box(("Mail program", "(reader)")),
        ),
        (("the author's organization", 0, 1), ("the reader's organization", 3, 4)),
        (1,),
        3,
    ),
    "edges": Model(
        "With edges: the border signs what leaves, and verifies what comes in",
        (
            Box(("Submission", "servers")),
            Box(("Filters,", "disclaimers")),
            Box(("Border server", "signs"), "signs"),
            Box(("Border server", "verifies"), "verifies"),
            Box(("Mailboxes", "read its results")),
        ),
        (("the author's organization", 0, 2), ("the reader's organization", 3, 4)),
        (2,),
        3,
    ),
    "resigning": Model(
        "Re-signing: a list verifies, changes, and answers for what it sends",
        (
            Box(("Author's server", "signs"), "signs"),
            Box(("List server", "verifies"), "verifies"),
            Box(("List program:", "tag, footer")),
            Box(("List server", "signs again"), "signs"),
            Box(("Reader's server", "verifies"), "verifies"),
        ),
        (("author", 0, 0), ("the list's organization", 1, 3), ("reader", 4, 4)),
        (0, 3),
        4,
    ),
}


def drawing(model: Model) -> str:
    """Return one drawing as SVG."""
    title = escape(model.title)
    told = escape("; ".join(" ".join(box.lines) for box in model.boxes))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} 244" width="{_WIDTH}"'
        ' height="244" role="img" aria-labelledby="t d">'
    )
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0L8 4L0 8z"/>'
        "</marker></defs>"
    )
    parts = [
        head,
        f'<title id="t">{title}</title><desc id="d">From left to right: {told}</desc>',
        f"<style>{_STYLE}</style>",
        tip,
        f'<rect class="page" width="{_WIDTH}" height="244"/>',
        f'<text x="14" y="24" font-weight="600">{title}</text>',
        *_organizations(model),
        *_dns(model),
    ]
    for place, box in enumerate(model.boxes):
        parts += _box(place, box)
    return "\n".join([*parts, "</svg>", ""])


def _left(place: int) -> int:
    return 22 + place * (_BOX + _GAP)


def _organizations(model: Model) -> Iterator[str]:
    for name, first, last in model.organizations:
        x, width = _left(first) - 10, _left(last) + _BOX - _left(first) + 20
        yield f'<rect class="org" x="{x}" y="{_TOP - 16}" width="{width}" height="112" rx="8"/>'
        yield f'<text class="dim" x="{x + 10}" y="{_TOP + 86}">{escape(name)}</text>'


def _dns(model: Model) -> Iterator[str]:
    """The key records above, who publishes them, and who asks for them."""
    x, y, width = 396, 44, 190
    yield f'<rect class="dns" x="{x}" y="{y}" width="{width}" height="34" rx="4"/>'
    yield f'<text x="{x + width // 2}" y="{y + 22}" text-anchor="middle">DNS: public keys</text>'
    for place in model.publishes:
        middle = _left(place) + _BOX // 2
        end = min(max(middle, x), x + width)
        yield _curve(middle, _TOP, end, y + 11 if end != middle else y + 34)
    middle = _left(model.asks) + _BOX // 2
    end = min(max(middle, x), x + width)
    yield _curve(end, y + 26 if end != middle else y + 34, middle, _TOP)


def _curve(x1: int, y1: int, x2: int, y2: int) -> str:
    return (
        f'<path class="line key" d="M{x1} {y1} Q{x1 if y1 > y2 else x2} {min(y1, y2)}'
        f' {x2} {y2}" marker-end="url(#tip)"/>'
    )


def _box(place: int, box: Box) -> Iterator[str]:
    x, y = _left(place), _TOP
    if place:
        start, middle = x - _GAP, y + _TALL // 2
        yield (
            f'<line class="line" x1="{start + 2}" y1="{middle}" x2="{x - 3}" y2="{middle}"'
            ' marker-end="url(#tip)"/>'
        )
        if box.by:
            yield (
                f'<text class="dim" x="{start + _GAP // 2}" y="{y + _TALL + 14}"'
                f' text-anchor="middle">{escape(box.by)}</text>'
            )
    yield f'<rect class="{box.role}" x="{x}" y="{y}" width="{_BOX}" height="{_TALL}" rx="6"/>'
    for number, line in enumerate(box.lines):
        at = y + 25 + 18 * number
        yield f'<text x="{x + _BOX // 2}" y="{at}" text-anchor="middle">{escape(line)}</text>'


def drawings() -> dict[str, str]:
    """The drawings by the name of their file."""
    return {f"{name}.svg": drawing(model) for name, model in MODELS.items()}


if __name__ == "__main__":
    for name, made in drawings().items():
        (FOLDER / name).write_text(made, encoding="utf-8")
