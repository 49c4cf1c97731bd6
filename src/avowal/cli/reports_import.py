"""``avowal reports import``: what parsedmarc has read already."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from avowal.cli import exits
from avowal.cli.exits import ExitStatus
from avowal.cli.reports_store import store_option
from avowal.cli.streams import echo
from avowal.errors import UsageError
from avowal.text import storable

MOST_OCTETS = 2 << 30


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@store_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def import_command(*, paths: tuple[str, ...], store: str, as_json: bool) -> int:
    """Take over aggregate reports that parsedmarc wrote as JSON or CSV.

    Reports that are in the store already are passed over, so it can be run again.
    """
    from avowal.report.parsedmarc_files import read_parsedmarc
    from avowal.report.received import KnownReport, ReceivedHead
    from avowal.stores.received import open_received

    kept = known = records = 0
    skipped: list[str] = []
    with open_received(store) as reports:
        for path in paths:
            for report in read_parsedmarc(_text(path), skipped.append):
                if reports.known("aggregate", *report.key):
                    known += 1
                    continue
                head = ReceivedHead(
                    metadata=report.metadata, policy=report.policy, origin=storable(path),
                    received=int(time.time()),
                )  # fmt: skip
                try:
                    with reports.adding(head) as adding:
                        adding.rows(report.records)
                except KnownReport:  # another process was faster
                    known += 1
                    continue
                kept, records = kept + 1, records + len(report.records)
    for why in skipped:
        exits.complain(why)
    if as_json:
        echo(json.dumps({"kept": kept, "records": records, "known": known, "skipped": skipped}))
    else:
        echo(
            f"{kept:,} reports kept ({records:,} records), {known:,} known already, "
            f"{len(skipped):,} could not be read"
        )
    return ExitStatus.NOT_PASSED if skipped else ExitStatus.PASSED


def _text(path: str) -> str:
    """Read a file.  Raises UsageError and OSError."""
    file = Path(path)
    if file.stat().st_size > MOST_OCTETS:
        raise UsageError(f"{path}: over {MOST_OCTETS >> 30} GiB; divide it")
    try:
        return file.read_text(encoding="utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: no UTF-8 at octet {error.start}") from None
