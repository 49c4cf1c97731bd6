"""A judgement as text for a person and as a JSON object (docs/reference/json.md)."""

from __future__ import annotations

from collections.abc import Iterator

import click

from avowal.cli.sources import MessageOrigin
from avowal.examine.judgement import Authenticity, Judgement
from avowal.text import lasting, printable

_COLOURS = {
    Authenticity.AUTHENTIC: "green",
    Authenticity.CANNOT_TELL: "yellow",
    Authenticity.NOT_AUTHENTIC: "red",
}


def as_text(origin: MessageOrigin, found: Judgement) -> str:
    """Return lines for a person."""
    return "\n".join(_lines(origin, found))


def _lines(origin: MessageOrigin, found: Judgement) -> Iterator[str]:
    yield click.style(printable(str(origin)), bold=True)
    word = click.style(found.answer.value, fg=_COLOURS[found.answer], bold=True)
    yield f"  {word}: {printable(found.explanation)} (row {found.row}; {found.ground})"
    authors = ", ".join(found.authors[:10]) or "nobody that can be read"
    yield f"  author     {printable(authors)}"
    if found.display_name:
        yield f"  shown as   {found.display_name}"
    if found.by is not None:
        age = "" if found.age is None else f", {lasting(found.age)} old"
        yield f"  by         {found.by}{age}"
        yield f"  covered    {printable(', '.join(found.covered) or 'nothing')}"
    if found.forwarded_by:
        yield f"  forwarded  {printable(', '.join(found.forwarded_by))}"
    for hint in found.hints:
        yield f"  hint       {hint.sentence}"
    for caution in found.warnings:
        yield f"  warning    {caution.sentence}"
    for problem in found.problems:
        yield f"  From       {problem.sentence}"


def as_object(origin: MessageOrigin, found: Judgement) -> dict[str, object]:
    """Return the JSON object of a message; members are added, never renamed."""
    from avowal.calls.objects import JudgementObject, members

    where: dict[str, object] = {"source": origin.path, "message": origin.number}
    return where | members(JudgementObject.of(found))
