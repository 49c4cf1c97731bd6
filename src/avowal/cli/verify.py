"""``avowal verify``: one message or a whole archive."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import click

from avowal.cli import exits, report, sources
from avowal.cli.asking import Dns, at_option, dns_options, line_ends_option
from avowal.cli.exits import Status
from avowal.cli.inspection import Inspected, inspect
from avowal.cli.progress import bar
from avowal.dkim.rules import PROFILES
from avowal.message import LineEnds


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@dns_options
@at_option
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="default",
    show_default=True,
    help="The receiver's rules; archive also accepts what has expired or is historic, "
    "and reads DomainKeys.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per message and line.")
@line_ends_option
def command(
    *,
    paths: tuple[str, ...],
    dns: Dns,
    now: int,
    profile: str,
    as_json: bool,
    line_ends: LineEnds,
) -> int:
    """Verify the DKIM signatures of messages.

    SOURCE is a file with one message, an mbox, a Maildir, a folder of such files, or -
    for standard input.  A message passes when one of its signatures does.
    """
    rules = PROFILES[profile]
    write = _write_json if as_json else _write_text
    statuses = {Status.PASSED}
    with dns.opened() as resolver:

        def judge(origin: sources.Origin, chunks: Iterator[bytes]) -> Inspected:
            return inspect(origin, chunks, resolver, now=now, rules=rules, line_ends=line_ends)

        for outcome in _outcomes(paths, judge):
            statuses.add(_status(outcome))
            write(outcome)
    return exits.worst(*statuses)


_Outcome = Inspected | tuple[str, str]  # or the source and why it cannot be used


def _outcomes(
    paths: tuple[str, ...], judge: Callable[[sources.Origin, Iterator[bytes]], Inspected]
) -> Iterator[_Outcome]:
    found: list[str] = []
    for path in paths:
        try:
            here = sources.files(path)
            found += here
            if not here:
                yield path, f"{path}: no messages in this folder"
        except sources.Unusable as fault:
            yield path, str(fault)
    with bar(found) as progress:
        for path in found:
            try:
                for origin, chunks in sources.messages(path, progress):
                    yield judge(origin, chunks)
            except sources.Unusable as fault:
                yield path, str(fault)


def _status(outcome: _Outcome) -> Status:
    if not isinstance(outcome, Inspected):
        return Status.UNUSABLE
    if outcome.passed:
        return Status.PASSED
    later = any(verdict.result == "temperror" for verdict in outcome.verdicts)
    return Status.TRY_AGAIN if later else Status.NOT_PASSED


def _write_text(outcome: _Outcome) -> None:
    if isinstance(outcome, Inspected):
        text = report.as_text(outcome)
        # Not click.echo: a progress bar makes room for what goes through sys.stdout.
        print(text if sys.stdout.isatty() else click.unstyle(text))
    else:
        exits.complain(outcome[1])


def _write_json(outcome: _Outcome) -> None:
    import json

    if isinstance(outcome, Inspected):
        print(json.dumps(report.as_json(outcome)))
    else:
        exits.complain(outcome[1])
        print(json.dumps(report.error_json(*outcome)))
