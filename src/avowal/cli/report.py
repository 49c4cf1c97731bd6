"""What people and programs read: verdicts as text and as JSON objects.

Whatever a stranger wrote passes `exits.printable` before it reaches a terminal.  The JSON
is documented in docs/reference/json.md; members are added, never renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from avowal.cli.inspection import Inspected
from avowal.dkim.reasons import Result
from avowal.dkim.verification import Verification
from avowal.text import printable

_COLOURS = {
    Result.PASS: "green",
    Result.FAIL: "red",
    Result.PERMERROR: "red",
    Result.POLICY: "yellow",
    Result.TEMPERROR: "magenta",
}
_INDENT = "             "


def as_text(inspected: Inspected, *, coloured: bool) -> str:
    """Return lines for a person: a verdict, its reason and its warnings per signature."""
    style = _styled if coloured else _unstyled
    lines = [style(printable(str(inspected.origin)))]
    if not inspected.verdicts:
        lines.append(f"  {'none':<10} no DKIM signature")
    for verdict in inspected.verdicts:
        lines.extend(_verdict_lines(verdict, style))
    return "\n".join(lines)


def _styled(text: str, colour: str | None = None) -> str:
    import click

    return click.style(text, fg=colour, bold=True)


def _unstyled(text: str, colour: str | None = None) -> str:
    return text


def _verdict_lines(verdict: Verification, style: Callable[..., str]) -> Iterator[str]:
    word = style(f"{verdict.result.value:<10}", _COLOURS.get(verdict.result))
    who = f"d={verdict.domain or '?'} s={verdict.selector or '?'} a={verdict.algorithm or '?'}"
    if verdict.signature is not None and verdict.signature.identity is not None:
        who += f" i={verdict.identity}"
    protocol = "" if is_dkim(verdict) else " (DomainKeys)"
    yield f"  {word} {printable(who)}{protocol}"
    if verdict.reason is not None:
        source = verdict.reason.source
        yield f"{_INDENT}{printable(verdict.explanation)} ({source}; {verdict.reason})"
    for caution in verdict.warnings:
        yield f"{_INDENT}warning: {caution.sentence}"


def as_json(inspected: Inspected) -> dict[str, object]:
    """Return the JSON object of a message."""
    from avowal.calls.objects import SignatureObject, members

    return {
        "source": inspected.origin.path,
        "message": inspected.origin.number,
        "passed": inspected.passed,
        "results": [members(SignatureObject.of(verdict)) for verdict in inspected.verdicts],
    }


def error_json(path: str, why: str) -> dict[str, object]:
    """Return the JSON object of a source that cannot be used."""
    return {"source": path, "message": None, "passed": False, "results": [], "error": why}


def is_dkim(verdict: Verification) -> bool:
    """Whether the verdict is about DKIM, not about its predecessor."""
    return verdict.field.name != b"domainkey-signature"
