"""``avowal reports prune``: forget reports beyond an age."""

from __future__ import annotations

import json
import re
import time

import click

from avowal.cli.reports_store import opened, store_option
from avowal.cli.streams import echo
from avowal.dates import DAY

_SPAN = re.compile(r"([1-9][0-9]{0,4})d")


def _span(_: click.Context, __: click.Parameter, text: str) -> int:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no number of days such as 400d")
    return int(found[1])


@click.command("prune")
@store_option
@click.option(
    "--keep", required=True, metavar="DAYS", callback=_span, help="How many days to keep: 400d."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def prune(*, store: str, keep: int, as_json: bool) -> int:
    """Remove the reports of days longer ago, and whatever only they told."""
    with opened(store) as kept:
        gone = kept.prune(int(time.time()) // DAY - keep)
    if as_json:
        echo(json.dumps({"reports": gone.reports, "rows": gone.rows}))
    else:
        echo(f"{gone.reports:,} reports and {gone.rows:,} rows removed")
    return 0
