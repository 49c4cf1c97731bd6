"""``avowal reports shares``: how receivers judged each key, for people and for key rotation."""

from __future__ import annotations

import json
import time

import click

from avowal.cli.domains import as_in_reports
from avowal.cli.reports_store import days_option, opened, period_of, store_option
from avowal.cli.reports_view import percent
from avowal.cli.streams import echo
from avowal.dates import date_of
from avowal.text import printable


@click.command("shares")
@click.argument("domain", callback=as_in_reports)
@store_option
@days_option
@click.option(
    "--key-store",
    "key_store",
    metavar="STORE",
    help="Put them into this key store, where rotation looks at them.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row and line.")
def shares(*, domain: str, store: str, days: int, key_store: str | None, as_json: bool) -> int:
    """Tell by key, receiver and day how many signatures passed, with the interval of the share.

    With --key-store the rows are what a rotation compares the old and the new key by. They
    replace rows of the same key, receiver and day, so it can be run again.
    """
    from avowal.report.shares import Share

    with opened(store) as kept:
        rows = kept.shares(domain, period_of(kept, domain, days))
    for row in rows:
        share = Share(row.passed, row.failed)
        low, high = share.interval
        if as_json:
            written = row._asdict() | {"day": date_of(row.day)}
            echo(json.dumps(written | {"low": round(low, 4), "high": round(high, 4)}))
        elif key_store is None:
            echo(
                f"{date_of(row.day)}  {printable(row.selector)}._domainkey.{printable(row.domain)}"
                f"  {printable(row.receiver)}  {percent(share)} of {share.total:,}"
                f"  ({low:.1%} to {high:.1%})"
            )
    if key_store is not None:
        from avowal.cli import keystore
        from avowal.keys.lifecycle import PassShare
        from avowal.keys.store import Change

        told = tuple(PassShare(**row._asdict()) for row in rows)
        with keystore.opened(key_store) as keys:
            keys.commit(Change(who=keystore.who(), at=int(time.time()), shares=told))
        if not as_json:
            echo(f"{len(told):,} rows put into {key_store}")
    return 0
