"""``avowal reports make``: the reports of a day, as files."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import click

from avowal.cli.exits import ExitStatus
from avowal.cli.reporting import (
    Reporting,
    config_option,
    date_of,
    day_of,
    day_option,
    domain_option,
)
from avowal.cli.streams import echo
from avowal.errors import StoreError


@click.command("make")
@config_option
@day_option
@domain_option
@click.option(
    "-o", "--output", default=".", show_default=True, metavar="DIR", help="Where the files go."
)
@click.option("--dry-run", is_flag=True, help="Write nothing; name each report and what it counts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per report and line.")
def make(
    *, config: str, day: str | None, domain: str | None, output: str, dry_run: bool, as_json: bool
) -> int:
    """Write the aggregate reports of a day, a gzip file each; send nothing.

    The files are named as RFC 9990 has it. The same events give the same octets.
    """
    from avowal.report.aggregate_mail import file_name
    from avowal.report.aggregate_xml import write_compressed

    number = day_of(day)
    reporting = Reporting.read(config)
    directory = Path(output)
    made = messages = 0
    with closing(reporting.store()) as store:
        for report in reporting.reports(store, number, domain):
            name = file_name(report, reporting.reporter)
            made, messages = made + 1, messages + report.messages
            if not dry_run:
                try:
                    (directory / name).write_bytes(write_compressed(report))
                except OSError as error:
                    raise StoreError(f"{directory / name}: {error.strerror}") from None
            if as_json:
                told = {"domain": report.policy.domain, "file": name,
                        "records": len(report.records), "messages": report.messages}  # fmt: skip
                echo(json.dumps(told))
            elif dry_run:
                echo(f"{name}: {len(report.records)} records, {report.messages} messages")
    what = "would be made" if dry_run else f"in {directory}"
    echo(f"{date_of(number)}: {made} reports about {messages} messages {what}", err=True)
    return ExitStatus.PASSED
