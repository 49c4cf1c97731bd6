"""``avowal reports make``: the reports of a day, as files."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict

import click

from avowal.cli.exits import ExitStatus
from avowal.cli.report_files import Making, made_reports, processes
from avowal.cli.reporting import Reporting, config_option, day_of, day_option, domain_option
from avowal.cli.streams import echo
from avowal.dates import date_of


@click.command("make")
@config_option
@day_option
@domain_option
@click.option(
    "-o", "--output", default=".", show_default=True, metavar="DIR", help="Where the files go."
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="NUMBER",
    show_default="one per processor, up to 4",
    help="Processes that make reports.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; name each report and what it counts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per report and line.")
def make(
    *,
    config: str,
    day: str | None,
    domain: str | None,
    output: str,
    jobs: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write the aggregate reports of a day, a gzip file each; send nothing.

    The files are named as RFC 9990 has it. The same events give the same octets.
    """
    number = day_of(day)
    reporting = Reporting.read(config)
    directory = None if dry_run else output
    making = Making(day=number, reporter=reporting.reporter, directory=directory)
    made = messages = 0
    with closing(reporting.store()) as store:
        rows = (
            row
            for row in store.rows(number, domain=domain, reported=True)
            if not reporting.excludes(row[0])
        )
        for one in made_reports(rows, making, jobs or processes()):
            made, messages = made + 1, messages + one.messages
            if as_json:
                echo(json.dumps(asdict(one)))
            elif dry_run:
                echo(f"{one.file}: {one.records} records, {one.messages} messages")
    what = "would be made" if dry_run else f"in {output}"
    echo(f"{date_of(number)}: {made} reports about {messages} messages {what}", err=True)
    return ExitStatus.PASSED
