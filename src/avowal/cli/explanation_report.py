"""What people and programs read of an explanation: sentences with a diff, or a JSON object.

Whatever a stranger wrote passes `printable` before it reaches a terminal.  The JSON is
documented in docs/reference/explanation.md; members are added, never renamed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence

from avowal.diagnose.causes import advice, advice_of
from avowal.diagnose.explanation import Explanation, KeyState, PartState
from avowal.diagnose.observed import Observation
from avowal.diagnose.registry import REGISTRY
from avowal.diagnose.remarks import remarks
from avowal.lists.edits import Script
from avowal.text import printable, revealed

_MOST_SAID = 3  # changes in the first line
_MOST_SHOWN = 12  # lines of one place that are shown; --json has them all
_Style = Callable[[str, str | None], str]


def as_text(
    origin: str,
    explanations: Sequence[Explanation],
    observed: Sequence[Observation] = (),
    *,
    coloured: bool,
) -> str:
    """Return what a person reads of one message."""
    style = _styled if coloured else _plain
    lines = [style(printable(origin), "bold")]
    if not explanations:
        lines.append("  there is no DKIM-Signature: nothing to explain")
    for one in explanations:
        lines += _lines(one, style)
    if observed:
        lines.append("  observed, not proven:")
    for thing in observed:
        lines.append(f"    {thing.step.sentence} ({thing.step.by})")
        lines.append(f"      {printable(thing.evidence)}")
    told = dict.fromkeys(
        (*(item for one in explanations for item in advice(one)), *advice_of(observed))
    )
    if told:
        lines.append("  what to do:")
        lines += [f"    {item.party.value}: {item.text}" for item in told]
    return "\n".join(lines)


def _styled(text: str, colour: str | None) -> str:
    import click

    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def _plain(text: str, colour: str | None) -> str:
    return text


def _lines(one: Explanation, style: _Style) -> Iterator[str]:
    verdict = one.verification
    who = printable(f"d={verdict.domain or '?'} s={verdict.selector or '?'}")
    if one.passed:
        yield f"  {style('passes', 'green')}  {who}: {verdict.explanation}"
        for warning in verdict.warnings:
            yield f"    others may dislike: {warning.sentence}"
        return
    word = style("explained", "green") if one.explained else style("fails", "red")
    yield f"  {word}  {who}: {printable(_why(one))}"
    source = f" (key: {one.key_source})" if one.key_source not in {None, "DNS"} else ""
    yield f"    key: {one.key.sentence}{source}"
    yield from _part("header", one.header, one.header_steps)
    yield from _part("body", one.body, one.body_steps)
    yield from (f"    {remark}" for remark in remarks(one))
    if one.changes is not None:
        yield f"    {style('Undo this, and the signature verifies:', 'bold')}"
        yield from _differences(one, style)


def _why(one: Explanation) -> str:
    """Return what happened where that is proven, that the key is another, or the reason."""
    if one.explained and one.steps:
        done = [step.sentence for step in one.steps]
        more = f", and {len(done) - _MOST_SAID} more" if len(done) > _MOST_SAID else ""
        return "; ".join(done[:_MOST_SAID]) + more
    if one.key in {KeyState.OTHER, KeyState.LENGTH} and one.body is PartState.INTACT:
        return one.key.sentence
    return one.verification.explanation


def _part(name: str, state: PartState, steps: Sequence[str]) -> Iterator[str]:
    yield f"    {name}: {state.sentence}"
    for step in steps:
        row = REGISTRY[step]
        yield f"      - {row.sentence} ({row.by})"


def _differences(one: Explanation, style: _Style) -> Iterator[str]:
    if one.changes is None:
        return
    for name, script in (("header", one.changes.fields), ("body", one.changes.body)):
        if script:
            yield f"    {name}, - as it was signed, + as it came:"
            yield from _script(script, style)


def _script(script: Script, style: _Style) -> Iterator[str]:
    for step in script.replacements:
        for sign, colour, rows in (("-", "red", step.removed), ("+", "green", step.added)):
            for row in rows[:_MOST_SHOWN]:
                yield style(f"      {sign} {revealed(row)}", colour)
            if len(rows) > _MOST_SHOWN:
                yield f"      {sign} … {len(rows) - _MOST_SHOWN} more lines"


# -- for programs ------------------------------------------------------------------------------


def as_json(
    source: str,
    number: int | None,
    explanations: Sequence[Explanation],
    observed: Sequence[Observation] = (),
) -> dict[str, object]:
    """Return the JSON object of a message."""
    return {
        "source": source,
        "message": number,
        "explained": bool(explanations)
        and all(one.passed or one.explained for one in explanations),
        "signatures": [_object(one) for one in explanations],
        "observed": [_observed(one) for one in observed],
    }


def _observed(one: Observation) -> dict[str, object]:
    return {
        "name": one.name,
        "side": one.step.side.value,
        "sentence": one.step.sentence,
        "by": one.step.by,
        "evidence": one.evidence,
        "domain": one.domain,
        "selector": one.selector,
    }


def _object(one: Explanation) -> dict[str, object]:
    verdict = one.verification
    return {
        "domain": verdict.domain,
        "selector": verdict.selector,
        "result": verdict.result.value,
        "reason": None if verdict.reason is None else verdict.reason.value,
        "passed": one.passed,
        "explained": one.explained,
        "key": one.key.value,
        "key_source": one.key_source,
        "header": one.header.value,
        "body": one.body.value,
        "steps": [
            {"name": step.name, "side": step.side.value, "sentence": step.sentence, "by": step.by}
            for step in one.steps
        ],
        "header_changes": _edits(None if one.changes is None else one.changes.fields),
        "body_changes": _edits(None if one.changes is None else one.changes.body),
        "signed_nothing": one.signed_nothing,
        "cc_order_lost": one.cc_order_lost,
        "limits": list(one.limits),
        "warnings": [warning.value for warning in verdict.warnings],
        "advice": [{"party": item.party.value, "text": item.text} for item in advice(one)],
    }


def _edits(script: Script | None) -> list[dict[str, object]]:
    """Return the places that differ; octets that are no UTF-8 text as base64."""
    if script is None:
        return []
    return [
        {"signed": [_text(row) for row in step.removed], "came": [_text(row) for row in step.added]}
        for step in script.replacements
    ]


def _text(row: bytes) -> str | dict[str, str]:
    try:
        return row.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(row).decode()}
