"""Drawing a candidate's outcome as SVG: a bar per cause, for light and dark pages, no script.

The bars show shares, the numbers beside them counts; what is open is hatched, so that nothing
is told by colour alone.  Each plot goes with its table, which says the same in figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from avowal.simulation.result import EFFECTS, EffectRow, Outcome

_WIDTH: Final = 760
_LEFT: Final = 130  # where the bars begin
_BAR: Final = 390  # their length
_HEIGHT: Final = 22
_STEP: Final = 34
_TOP: Final = 78
_GAP: Final = 2  # between the parts of a bar
_STYLE: Final = """
  .page{fill:#fff} .text{fill:#1b1b1f} .dim{fill:#55555f} .track{fill:#ececf0}
  .accept{fill:#9db8d9} .open{fill:url(#hatch)} .tempfail{fill:#c7a6d8}
  .quarantine{fill:#e0a030} .reject{fill:#c4473a} .discard{fill:#6d1f3a}
  .hatch{stroke:#6a8fc0} .hatched{fill:#dfe8f4}
  text{font:13px system-ui,sans-serif}
  @media (prefers-color-scheme:dark){
  .page{fill:#17171b} .text{fill:#ececf0} .dim{fill:#a8a8b4} .track{fill:#2a2a31}
  .accept{fill:#46648c} .tempfail{fill:#8a62a0}
  .quarantine{fill:#b97f1c} .reject{fill:#d8604f} .discard{fill:#e08fb0}
  .hatch{stroke:#7ea2d0} .hatched{fill:#26303e}}
"""


def svg(outcome: Outcome) -> str:
    """Return an SVG document of one outcome."""
    height = _TOP + _STEP * len(outcome.rows) + 10
    messages = sum(row.messages for row in outcome.rows)
    title = f"What {outcome.name} would have done to {messages:,} messages"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' width="{_WIDTH}" height="{height}" role="img" aria-labelledby="t d">'
    )
    hatch = (
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect width="6" height="6" class="hatched"/>'
        '<line x1="0" y1="0" x2="0" y2="6" class="hatch" stroke-width="3"/></pattern></defs>'
    )
    parts = [
        head,
        f'<title id="t">{escape(title)}</title>',
        f'<desc id="d">{escape("; ".join(map(_sentence, outcome.rows)))}</desc>',
        f"<style>{_STYLE}</style>",
        hatch,
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
        f'<text class="text" x="12" y="24" font-weight="600">{escape(title)}</text>',
        *_legend(outcome),
    ]
    for number, row in enumerate(outcome.rows):
        parts += _bar(row, _TOP + number * _STEP)
    return "\n".join([*parts, "</svg>", ""])


def _sentence(row: EffectRow) -> str:
    told = ", ".join(f"{effect} {number:,}" for effect, number in row.effects.items())
    return f"{row.cause}: {told}"


def _legend(outcome: Outcome) -> Iterator[str]:
    x = _LEFT
    for effect in EFFECTS:
        if any(row.count(effect) for row in outcome.rows):
            yield f'<rect class="{effect}" x="{x}" y="42" width="14" height="14" rx="2"/>'
            yield f'<text class="dim" x="{x + 20}" y="54">{effect}</text>'
            x += 36 + 8 * len(effect)


def _bar(row: EffectRow, y: int) -> Iterator[str]:
    middle = y + 16
    yield f'<text class="text" x="{_LEFT - 10}" y="{middle}" text-anchor="end">{row.cause}</text>'
    yield f'<rect class="track" x="{_LEFT}" y="{y}" width="{_BAR}" height="{_HEIGHT}" rx="3"/>'
    x = float(_LEFT)
    for effect, number in row.effects.items():
        width = _BAR * number / row.messages
        shown = max(width - _GAP, 1.0)
        yield (
            f'<rect class="{effect}" x="{x:.1f}" y="{y}" width="{shown:.1f}"'
            f' height="{_HEIGHT}" rx="2"/>'
        )
        x += width
    share = 100 * row.acted_on / row.messages
    told = f"{row.messages:,}; acted on {row.acted_on:,} ({share:.0f} %)"
    yield f'<text class="dim" x="{_LEFT + _BAR + 10}" y="{middle}">{told}</text>'
