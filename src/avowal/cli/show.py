"""``avowal show``: who answers for a message, and what a mail program should show of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from avowal.cli import sources
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus, worst
from avowal.cli.shared_options import at_option, dns_options, line_ends_option
from avowal.cli.streams import echo
from avowal.line_ends import LineEnds
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.examine.judgement import Judgement
    from avowal.lookup import Resolver
    from avowal.reputation.display import Advice, Display


class _Shown(NamedTuple):
    """What is shown of one message."""

    origin: sources.MessageOrigin
    display: Display
    judgement: Judgement
    advice: Advice


@click.command("show")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@dns_options
@at_option
@line_ends_option
def command(
    *, paths: tuple[str, ...], as_json: bool, dns: Dns, now: int, line_ends: LineEnds
) -> int:
    """Say who signed a message, whether that fits what a reader sees, and what to show.

    FILE is a message, an mbox, a folder of such files, or - for standard input. The status is
    0 when every message may be marked as vouched for by its author's domain, 1 when not.
    """
    statuses = {ExitStatus.PASSED}
    with dns.opened() as resolver:
        for path in (file for given in paths for file in sources.files(given)):
            for origin, chunks in sources.messages(path, lambda octets: None):
                shown = _shown(origin, chunks, resolver, now, line_ends)
                if shown.advice != "mark":
                    statuses.add(ExitStatus.NOT_PASSED)
                if as_json:
                    import json

                    echo(json.dumps(_as_object(shown)))
                else:
                    echo("\n".join(_lines(shown)))
    return worst(*statuses)


def _shown(
    origin: sources.MessageOrigin,
    chunks: Iterator[bytes],
    resolver: Resolver,
    now: int,
    line_ends: LineEnds,
) -> _Shown:
    from avowal.calls.authenticate import RECEIVER, WANT
    from avowal.calls.examine import examine
    from avowal.calls.verdict import accepted
    from avowal.cli.inspection import begun
    from avowal.examine.judgement_rows import judge
    from avowal.reputation.display import advice, display

    header, body = begun(origin, chunks, line_ends)
    found = examine(header, body, RECEIVER, WANT, resolver, now=now)
    shown = display(header, found.dkim)
    judgement = judge(header, found, accepted((), False, (), None, ()), now=now)
    return _Shown(origin, shown, judgement, advice(shown, judgement))


def _lines(shown: _Shown) -> Iterator[str]:
    found, judged = shown.display, shown.judgement
    yield click.style(printable(str(shown.origin)), bold=True)
    yield f"  author     {printable(', '.join(found.authors[:10]) or 'nobody that can be read')}"
    if judged.display_name:
        yield f"  shown as   {judged.display_name}"
    yield f"  signed by  {printable(', '.join(found.signers) or 'nobody, as far as can be told')}"
    yield f"  match      {found.match.value}"
    covered = ", ".join(sorted(name.decode() for name in found.signed_fields))
    if covered:
        body = "and the whole body" if found.whole_body else "and a part of the body"
        yield f"  covered    {printable(covered)} {body}"
    yield f"  verdict    {judged.answer}: {printable(judged.explanation)}"
    for note in found.notes:
        yield f"  note       {printable(note)}"
    yield f"  do         {shown.advice.sentence}"


def _as_object(shown: _Shown) -> dict[str, object]:
    """Return the JSON object of a message (docs/reference/json.md)."""
    found, judged = shown.display, shown.judgement
    return {
        "source": shown.origin.path,
        "message": shown.origin.number,
        "advice": shown.advice.value,
        "authors": list(found.authors),
        "display_name": judged.display_name,
        "signers": list(found.signers),
        "match": found.match.name.lower(),
        "signed_fields": sorted(
            name.decode("ascii", "backslashreplace") for name in found.signed_fields
        ),
        "whole_body": found.whole_body,
        "answer": judged.answer.value,
        "ground": judged.ground.value,
        "notes": list(found.notes),
    }
