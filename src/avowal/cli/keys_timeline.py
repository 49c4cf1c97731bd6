"""The life of keys as a picture: a bar per key, a colour per state, for light and dark pages.

Nothing is told by colour alone: each part of a bar has a title with its state and dates, and
the page has a table that says the same.  No script, nothing loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from avowal.keys.rotation_state import RotatedKey, Rotation

_WIDTH: Final = 960
_LEFT: Final = 150  # where the bars begin
_LENGTH: Final = 780
_STEP: Final = 26
_BAR: Final = 16
_TOP: Final = 64
_TICKS: Final = 5
_STATES: Final = (
    "prepared", "published", "seen", "canary", "signing", "draining", "revoked", "gone",
)  # fmt: skip
_STYLE: Final = """
  .page{fill:#fff} .text{fill:#1b1b1f} .dim{fill:#55555f} .line{stroke:#dcdce2}
  .prepared{fill:#d9d9df} .published{fill:#b8cbe4} .seen{fill:#7fa6d6} .canary{fill:#f2d04e}
  .signing{fill:#2f9e5b} .draining{fill:#a9d8bb} .revoked{fill:#d0675c} .gone{fill:#efeff2}
  text{font:12px system-ui,sans-serif} .head{font-weight:600;font-size:14px}
  @media (prefers-color-scheme:dark){
  .page{fill:#17171b} .text{fill:#ececf0} .dim{fill:#a8a8b4} .line{stroke:#33333b}
  .prepared{fill:#4a4a52} .published{fill:#35507a} .seen{fill:#4f7fbb} .canary{fill:#c9a92c}
  .signing{fill:#3fb56e} .draining{fill:#2c5f41} .revoked{fill:#b3493e} .gone{fill:#26262c}}
"""
_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
    ' height="{height}" role="img" aria-labelledby="t">'
)
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The life of the keys</title>
<meta name="viewport" content="width=device-width">
<style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:62rem;
margin:2rem auto;padding:0 1rem}}table{{border-collapse:collapse;margin:1rem 0 3rem}}
th,td{{padding:.2rem .5rem;text-align:left;font-size:13px;white-space:nowrap}}
tr+tr{{border-top:1px solid #8884}}
svg{{max-width:100%;height:auto}}</style></head><body>
<h1>The life of the keys</h1>
{picture}
{tables}
</body></html>
"""


def picture(rotations: Sequence[Rotation], now: int) -> str:
    """Return an SVG document; `now` is where the bars of living keys end, in Unix seconds."""
    keys = [key for rotation in rotations for key in rotation.keys]
    begins = min((at for key in keys for _, at in key.times), default=now)
    span = _Span(begins, max(now, begins + 1))
    height = _TOP + sum(_STEP * (len(one.keys) + 2) for one in rotations) + 24
    parts = [
        _SVG.format(width=_WIDTH, height=height),
        f'<title id="t">The life of {len(keys)} keys, {_day(begins)} to {_day(now)}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>',
        *_legend(),
        *_ticks(span, height),
    ]
    top = _TOP
    for rotation in rotations:
        parts.append(
            f'<text class="text head" x="12" y="{top + _STEP}">'
            f"{escape(str(rotation.domain))} {escape(rotation.algorithm)}</text>"
        )
        for number, key in enumerate(rotation.keys):
            parts += _bar(key, span, now, top + _STEP * (number + 1) + 10)
        top += _STEP * (len(rotation.keys) + 2)
    return "\n".join([*parts, "</svg>", ""])


class _Span:
    """From when to when is drawn."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end

    def place(self, at: int) -> float:
        """Where a time is, from the left."""
        return round(_LEFT + _LENGTH * (at - self.start) / (self.end - self.start), 1)


def _legend() -> Iterator[str]:
    at = 12
    for state in _STATES[:-1]:
        yield f'<rect class="{state}" x="{at}" y="14" width="14" height="14" rx="2"/>'
        yield f'<text class="dim" x="{at + 20}" y="26">{state}</text>'
        at += 34 + 8 * len(state)


def _ticks(span: _Span, height: int) -> Iterator[str]:
    short = span.end - span.start < 3 * 86_400
    for number in range(_TICKS + 1):
        at = span.start + (span.end - span.start) * number // _TICKS
        x = span.place(at)
        text = _minute(at)[5:] if short else _day(at)
        yield f'<line class="line" x1="{x}" y1="{_TOP - 12}" x2="{x}" y2="{height - 10}"/>'
        anchor = "end" if number == _TICKS else "middle" if number else "start"
        yield f'<text class="dim" x="{x}" y="{_TOP - 18}" text-anchor="{anchor}">{text}</text>'


def _bar(key: RotatedKey, span: _Span, now: int, top: int) -> Iterator[str]:
    yield (
        f'<text class="text" x="{_LEFT - 10}" y="{top + 12}" text-anchor="end">'
        f"{escape(key.selector.ascii[:24])}</text>"
    )
    for state, start, end in _parts(key, now):
        left, right = span.place(start), span.place(end)
        told = f"{key.selector.ascii}: {state} {_minute(start)} to {_minute(end)}"
        yield (
            f'<rect class="{state}" x="{left}" y="{top}" width="{max(right - left, 1.5):.1f}"'
            f' height="{_BAR}"><title>{escape(told)}</title></rect>'
        )


def _parts(key: RotatedKey, now: int) -> Iterator[tuple[str, int, int]]:
    """Give each state with its beginning and end; one that is gone ends there."""
    ends = [at for _, at in key.times[1:]] + [now]
    for (state, start), end in zip(key.times, ends, strict=True):
        if state != "gone":
            yield str(state), start, max(start, end)


def page(rotations: Sequence[Rotation], now: int) -> str:
    """Return an HTML page with the picture, and a table that says the same."""
    tables = "\n".join(_table(rotation) for rotation in rotations)
    drawn = picture(rotations, now)
    return _PAGE.format(picture=drawn, tables=tables)


def _table(rotation: Rotation) -> str:
    head = "".join(f"<th>{state}</th>" for state in ("selector", *_STATES))
    rows = "\n".join(_row(key) for key in rotation.keys)
    name = f"{escape(str(rotation.domain))} {escape(rotation.algorithm)}"
    troubles = "".join(f"<p>{escape(one.text)}</p>" for one in rotation.troubles)
    return f"<h2>{name}</h2>{troubles}<table><tr>{head}</tr>\n{rows}</table>"


def _row(key: RotatedKey) -> str:
    first = {str(state): at for state, at in reversed(key.times)}
    cells = "".join(
        f"<td>{_minute(first[state]) if state in first else ''}</td>" for state in _STATES
    )
    return f"<tr><td>{escape(key.selector.ascii)}</td>{cells}</tr>"


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _minute(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
