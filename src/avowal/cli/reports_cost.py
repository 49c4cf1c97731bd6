"""``avowal reports cost``: what p=reject would have cost on a day."""

from __future__ import annotations

import json
from contextlib import closing

import click

from avowal.cli.domains import as_in_reports
from avowal.cli.exits import ExitStatus
from avowal.cli.reporting import config_option, day_of, day_option, events_of
from avowal.cli.streams import echo
from avowal.dates import date_of

_SHOWN = 20  # sources in the table


@click.command("cost")
@click.argument("domain", callback=as_in_reports)
@config_option
@day_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def cost(*, domain: str, config: str, day: str | None, as_json: bool) -> int:
    """Tell what p=reject of DOMAIN would have cost here on a day, from our own events.

    DOMAIN is where the policy stands. Exact for mail that came to us; of other receivers
    reports tell. The status is 1 where some message would have been refused that was not.
    """
    from avowal.report.cost import cost_of_reject

    number = day_of(day)
    with closing(events_of(config)) as store:
        found = cost_of_reject(store.counts(number, domain=domain))
    rows = found.sources.most_common()
    if as_json:
        told = {
            "day": date_of(number), "domain": domain, "messages": found.messages,
            "passed": found.passed, "refused": found.refused, "forwarded": found.forwarded,
            "already": found.already, "saved": found.saved, "unknown": found.unknown,
            "sources": [{"source": ip, "passes": who, "messages": n} for (ip, who), n in rows],
        }  # fmt: skip
        echo(json.dumps(told))
    else:
        echo(f"{date_of(number)}  {domain}: {found.messages} messages")
        echo(f"  {found.passed} pass; {found.already} were refused anyway")
        echo(f"  {found.refused} would have been refused, {found.forwarded} of them with a pass")
        echo(f"  of another domain; {found.saved} come by who is trusted here")
        if found.unknown:
            echo(f"  {found.unknown} cannot be told: DNS gave no answer")
        for (source, who), n in rows[:_SHOWN]:
            echo(f"  {n:>8}  {source:<39}  {who or 'nothing passes'}")
    return ExitStatus.NOT_PASSED if found.refused else ExitStatus.PASSED
