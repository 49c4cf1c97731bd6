"""The way back from a message as it came to the one that was signed, place by place.

Every line has a first and a last step at which it stands there: step 0 is the message as it
came, and each further step takes one proven edit back.  So one list of lines shows them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from avowal.diagnose.explanation import Explanation
from avowal.lists.edits import Keep, Replace, Script
from avowal.lists.findings import ListFinding
from avowal.message import CRLF, Message
from avowal.text import printable, revealed
from avowal.web.limits import SEEN_EDITS, SEEN_LINE, SEEN_LINES, SEEN_ROWS
from avowal.web.report import Edit, Line, Undo

Side: TypeAlias = Literal["header", "body"]
_AROUND = 2  # unchanged lines that are shown beside a change
_CHANGES = {
    (True, True): "it was written otherwise",
    (False, True): "it was added",
    (True, False): "it was taken out",
}


class _Place(NamedTuple):
    """One replacement of a script, as a step of the way."""

    side: Side
    step: int
    change: Replace


def undo(explanation: Explanation, message: Message) -> Undo | None:
    """Return the way back, None where nothing was proven to be changed."""
    changes = explanation.changes
    if changes is None:
        return None
    edits: list[Edit] = []
    lines: list[Line] = []
    sides: tuple[tuple[Side, Script], ...] = (("header", changes.fields), ("body", changes.body))
    for side, script in sides:
        came = message.header.raws if side == "header" else message.body.split(CRLF)
        lines += _lines(side, script, came, edits, changes.findings)
    return Undo(edits=tuple(edits), lines=tuple(_shown(lines))) if edits else None


def _shown(lines: list[Line]) -> Iterator[Line]:
    """Yield so many lines, and how many more there are."""
    yield from lines[:SEEN_ROWS]
    if left := lines[SEEN_ROWS:]:
        yield Line(side=left[0].side, mark="gap", count=sum(line.count or 1 for line in left))


def _lines(
    side: Side, script: Script, came: Sequence[bytes], edits: list[Edit],
    findings: Sequence[ListFinding],
) -> Iterator[Line]:  # fmt: skip
    """Yield the lines of one side, and note its edits."""
    at = 0
    for number, step in enumerate(script.steps):
        if isinstance(step, Keep):
            first, last = number == 0, number == len(script.steps) - 1
            yield from _kept(side, came[at : at + step.count], first=first, last=last)
            at += step.count
            continue
        if len(edits) < SEEN_EDITS:
            edits.append(_edit(side, step, findings))
        else:
            edits[-1] = _joined(edits[-1], step)
        place = _Place(side, len(edits), step)
        yield from _changed(place)
        at += len(step.added)


def _kept(side: Side, rows: Sequence[bytes], *, first: bool, last: bool) -> Iterator[Line]:
    """Show what stands next to a change; the rest is a gap."""
    before = 0 if first else _AROUND
    behind = 0 if last else _AROUND
    if len(rows) <= before + behind + 1:
        yield from (_line(side, row) for row in rows)
        return
    yield from (_line(side, row) for row in rows[:before])
    yield Line(side=side, mark="gap", count=len(rows) - before - behind)
    yield from (_line(side, row) for row in rows[len(rows) - behind :])


def _line(side: Side, row: bytes) -> Line:
    return Line(side=side, mark="same", text=revealed(row, most=SEEN_LINE))


def _changed(place: _Place) -> Iterator[Line]:
    side, step, change = place
    for row in change.added[:SEEN_LINES]:
        text = revealed(row, most=SEEN_LINE)
        yield Line(side=side, mark="came", first=0, last=step - 1, text=text)
    left = len(change.added) - SEEN_LINES
    if left > 0:
        yield Line(side=side, mark="gap", first=0, last=step - 1, count=left)
    for row in change.removed[:SEEN_LINES]:
        yield Line(side=side, mark="signed", first=step, text=revealed(row, most=SEEN_LINE))
    left = len(change.removed) - SEEN_LINES
    if left > 0:
        yield Line(side=side, mark="gap", first=step, count=left)


def _edit(side: Side, change: Replace, findings: Sequence[ListFinding]) -> Edit:
    """Name one change by what it was found to be, else by what is seen of it."""
    rows = change.added or change.removed
    if side == "header":
        subject = printable(rows[0].partition(b":")[0], most=60)
        about = [one for one in findings if one.subject.lower() == subject.lower()]
    else:
        subject = ""
        about = [one for one in findings if one.subject[:1].isdigit() or one.subject == "body"]
    if len(about) == 1:
        sentence = about[0].kind.sentence
    else:
        sentence = _CHANGES[bool(change.removed), bool(change.added)]
    return Edit(
        side=side,
        sentence=sentence,
        subject=subject,
        removed=len(change.removed),
        added=len(change.added),
    )


def _joined(last: Edit, change: Replace) -> Edit:
    return Edit(
        side=last.side,
        sentence="all other places",
        removed=last.removed + len(change.removed),
        added=last.added + len(change.added),
    )
