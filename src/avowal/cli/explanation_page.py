"""One HTML file with explanations: no script, nothing loaded from anywhere, every octet escaped.

What strangers wrote comes through `revealed` and `html.escape`; a policy in the page forbids
whatever might come through nevertheless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from avowal.diagnose.causes import advice
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.registry import REGISTRY
from avowal.lists.edits import Script
from avowal.text import printable, revealed

_MOST_ROWS = 400  # lines of one difference that are shown
_STYLE = """
:root { color-scheme: light dark; --gone: #b3261e; --came: #146c2e; --soft: #8883; }
@media (prefers-color-scheme: dark) { :root { --gone: #ff8a80; --came: #7fd99a; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border: 1px solid var(--soft); border-radius: .5rem; padding: 0 1rem 1rem; }
section { margin: 1rem 0; }
h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .75rem; border-radius: .375rem; overflow-x: auto; }
del { color: var(--gone); } ins { color: var(--came); } del, ins { text-decoration: none; }
b.good { color: var(--came); } b.bad { color: var(--gone); }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 1rem; }
"""
_HEAD = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why signatures failed</title><style>{style}</style></head><body>
<h1>Why signatures failed</h1>
<p>What is called proven hashes to what was signed. That is never a pass: what stands around an
original is not its author's.</p>
"""
_END = "</body></html>\n"


def begin() -> str:
    """Return the beginning of a page."""
    return _HEAD.format(style=_STYLE)


def end() -> str:
    """Return the end of a page."""
    return _END


def section(origin: str, explanations: Sequence[Explanation]) -> str:
    """Return the part of a page about one message."""
    parts = [f"<section><h2>{_text(origin)}</h2>"]
    if not explanations:
        parts.append("<p>There is no DKIM-Signature: nothing to explain.</p>")
    for one in explanations:
        parts += _signature(one)
    told = dict.fromkeys(item for one in explanations for item in advice(one))
    if told:
        items = "".join(f"<dt>{item.party.value}</dt><dd>{_text(item.text)}</dd>" for item in told)
        parts.append(f"<h3>What to do</h3><dl>{items}</dl>")
    return "\n".join((*parts, "</section>\n"))


def _signature(one: Explanation) -> Iterator[str]:
    verdict = one.verification
    kind, word = ("good", "passes") if one.passed else ("good", "explained")
    if not one.passed and not one.explained:
        kind, word = "bad", "fails"
    who = _text(f"d={verdict.domain or '?'} s={verdict.selector or '?'}")
    yield f'<h3><b class="{kind}">{word}</b> <code>{who}</code></h3>'
    yield f"<p>{_text(verdict.explanation)}</p>"
    if one.passed:
        return
    yield "<dl>"
    for name, sentence, steps in (
        ("key", one.key.sentence, ()),
        ("header", one.header.sentence, one.header_steps),
        ("body", one.body.sentence, one.body_steps),
    ):
        items = "".join(f"<li>{_text(REGISTRY[step].sentence)}</li>" for step in steps)
        items = f"<ul>{items}</ul>" if items else ""
        yield f"<dt>{name}</dt><dd>{_text(sentence)}{items}</dd>"
    yield "</dl>"
    if one.changes is not None:
        yield "<p>Undo this, and the signature verifies (− as signed, + as it came):</p>"
        for script in (one.changes.fields, one.changes.body):
            if script:
                yield "<pre>" + "\n".join(_rows(script)) + "</pre>"


def _rows(script: Script) -> Iterator[str]:
    left = _MOST_ROWS
    for step in script.replacements:
        for mark, tag, rows in (("−", "del", step.removed), ("+", "ins", step.added)):
            for row in rows[:left]:
                yield f"<{tag}>{mark} {escape(revealed(row))}</{tag}>"
            if len(rows) > left:
                yield f"… {len(rows) - left} more lines"
            left = max(0, left - len(rows))


def _text(text: str) -> str:
    return escape(printable(text))
