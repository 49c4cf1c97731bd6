"""Verifying messages from every source and writing what was found: the work of `avowal verify`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

from avowal.cli import exits, report, sources
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.inspection import Inspected, inspect
from avowal.cli.progress import bar
from avowal.cli.streams import coloured
from avowal.dkim.rules import PROFILES
from avowal.message import LineEnds

if TYPE_CHECKING:
    from avowal.cli.verification_table import Table

T = TypeVar("T")
_Outcome = Inspected | tuple[str, str]  # or the source and why it cannot be used


def verify(
    paths: Sequence[str],
    dns: Dns,
    *,
    now: int | None = None,
    at_receipt: bool = False,
    profile: str = "default",
    granularity: bool = False,
    as_json: bool = False,
    as_table: bool = False,
    line_ends: LineEnds = "auto",
    events: str | None = None,
) -> int:
    """Verify what the paths hold and print the verdicts; return the exit status.

    `now` None is the present; with `at_receipt` each message is judged at its own time.
    A table is written at the end, also of what was interrupted.  `events` names a store.
    """
    rules = PROFILES[profile].but(honor_granularity=granularity)
    at = int(time.time()) if now is None else now
    write = _write_json if as_json else _write_text
    statuses = {ExitStatus.PASSED}
    with (
        dns.opened() as resolver,
        _table(as_json=as_json) if as_table else nullcontext() as table,
        nullcontext() if events is None else _kept(events) as keep,
    ):

        def judge(origin: sources.MessageOrigin, chunks: Iterator[bytes]) -> Inspected:
            return inspect(
                origin, chunks, resolver,
                now=at, at_receipt=at_receipt, rules=rules, line_ends=line_ends,
            )  # fmt: skip

        for outcome in outcomes(paths, judge):
            statuses.add(_status(outcome))
            if keep is not None and isinstance(outcome, Inspected):
                keep(outcome)
            if table is not None and isinstance(outcome, Inspected):
                table.add(outcome)
            else:
                write(outcome)
    return exits.worst(*statuses)


def _kept(events: str) -> AbstractContextManager[Callable[[Inspected], None] | None]:
    from avowal.cli.event_option import kept  # its module reads options with click

    return kept(events)


def outcomes(
    paths: Sequence[str], judge: Callable[[sources.MessageOrigin, Iterator[bytes]], T]
) -> Iterator[T | tuple[str, str]]:
    """Judge every message of all paths; of what cannot be used yield its name and why."""
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


@contextmanager
def _table(*, as_json: bool) -> Iterator[Table]:
    """Give a table, and write it at the end."""
    import json

    from avowal.cli.verification_table import Table

    table = Table()
    try:
        yield table
    finally:
        for line in map(json.dumps, table.json()) if as_json else table.lines():
            print(line)


def _status(outcome: _Outcome) -> ExitStatus:
    if not isinstance(outcome, Inspected):
        return ExitStatus.UNUSABLE
    if outcome.passed:
        return ExitStatus.PASSED
    later = any(verdict.result == "temperror" for verdict in outcome.verdicts)
    return ExitStatus.TRY_AGAIN if later else ExitStatus.NOT_PASSED


def _write_text(outcome: _Outcome) -> None:
    if isinstance(outcome, Inspected):
        # Not click.echo: a progress bar makes room for what goes through sys.stdout.
        print(report.as_text(outcome, coloured=coloured(sys.stdout)))
    else:
        exits.complain(outcome[1])


def _write_json(outcome: _Outcome) -> None:
    import json

    if isinstance(outcome, Inspected):
        print(json.dumps(report.as_json(outcome)))
    else:
        exits.complain(outcome[1])
        print(json.dumps(report.error_json(*outcome)))
