"""Verifying messages from every source and writing what was found: the work of `avowal verify`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from avowal.cli import exits, report
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.inspection import Inspected, inspect
from avowal.cli.outcomes import Judge, outcomes, processors
from avowal.cli.streams import coloured
from avowal.dkim.rules import PROFILES
from avowal.errors import UsageError
from avowal.line_ends import LineEnds

if TYPE_CHECKING:
    from avowal.cli.sources import MessageOrigin
    from avowal.cli.verification_table import Row, Table
    from avowal.report.event import Event


class _Told(NamedTuple):
    """What is told of a message: its lines, or the row of the table that counts it; its event."""

    status: ExitStatus
    text: str | None = None
    row: Row | None = None
    event: Event | None = None


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
    jobs: int | None = None,
) -> int:
    """Verify what the paths hold and print the verdicts; return the exit status.

    `now` None is the present; with `at_receipt` each message is judged at its own time.
    A table is written at the end, also of what was interrupted.  `events` names a store.
    `jobs` are the processes that share many messages, None for one on each processor.
    """
    if dns.record is not None:
        if jobs not in {None, 1}:
            raise UsageError("--record: one process keeps the answers: leave --jobs out")
        jobs = 1
    rules = PROFILES[profile].but(honor_granularity=granularity)
    at = int(time.time()) if now is None else now
    with (
        dns.opened() as resolver,
        _table(as_json=as_json) if as_table else nullcontext() as table,
        nullcontext() if events is None else _kept(events) as keep,
    ):
        tell = _telling(as_json=as_json, as_row=as_table, with_event=keep is not None)

        def judge(origin: MessageOrigin, chunks: Iterator[bytes]) -> _Told:
            return tell(
                inspect(
                    origin, chunks, resolver,
                    now=at, at_receipt=at_receipt, rules=rules, line_ends=line_ends,
                )
            )  # fmt: skip

        return _written(paths, judge, jobs or processors(), table, keep, as_json=as_json)


def _written(
    paths: Sequence[str],
    judge: Judge[_Told],
    jobs: int,
    table: Table | None,
    keep: Callable[[Event], None] | None,
    *,
    as_json: bool,
) -> int:
    """Write what is told of all messages; return the exit status."""
    statuses = {ExitStatus.PASSED}
    done = 0
    try:
        for outcome in outcomes(paths, judge, jobs=jobs):
            if not isinstance(outcome, _Told):
                statuses.add(ExitStatus.UNUSABLE)
                _complain(*outcome, as_json=as_json)
                continue
            statuses.add(outcome.status)
            if keep is not None and outcome.event is not None:
                keep(outcome.event)
            if table is not None and outcome.row is not None:
                table.add(outcome.row)
            else:
                # Not click.echo: a progress bar makes room for what goes through sys.stdout.
                print(outcome.text)
            done += 1
    except KeyboardInterrupt:
        if not done:
            raise
        messages = "one message" if done == 1 else f"{done} messages"
        raise KeyboardInterrupt(f"interrupted after {messages}") from None
    return exits.worst(*statuses)


def _telling(*, as_json: bool, as_row: bool, with_event: bool) -> Callable[[Inspected], _Told]:
    """Return what makes of a verdict what is told of it."""
    write = _as_json if as_json else _as_text
    row_of: Callable[[Inspected], Row] | None = None
    event_of: Callable[[Inspected], Event] | None = None
    if as_row:
        from avowal.cli import verification_table

        row_of = verification_table.row_of
    if with_event:
        from avowal.cli import event_option

        event_of = event_option.event_of

    def told(found: Inspected) -> _Told:
        return _Told(
            _status(found),
            write(found) if row_of is None else None,
            None if row_of is None else row_of(found),
            None if event_of is None else event_of(found),
        )

    return told


def _kept(events: str) -> AbstractContextManager[Callable[[Event], None] | None]:
    from avowal.cli.event_option import kept  # its module reads options with click

    return kept(events)


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


def _status(found: Inspected) -> ExitStatus:
    if found.passed:
        return ExitStatus.PASSED
    later = any(verdict.result == "temperror" for verdict in found.verdicts)
    return ExitStatus.TRY_AGAIN if later else ExitStatus.NOT_PASSED


def _as_text(found: Inspected) -> str:
    return report.as_text(found, coloured=coloured(sys.stdout))


def _as_json(found: Inspected) -> str:
    import json

    return json.dumps(report.as_json(found))


def _complain(path: str, why: str, *, as_json: bool) -> None:
    exits.complain(why)
    if as_json:
        import json

        print(json.dumps(report.error_json(path, why)))
