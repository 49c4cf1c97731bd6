"""``avowal reports health``: alerts about domains, by exit status."""

from __future__ import annotations

import json
import time

import click

from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.reports_store import day_text, days_option, opened, store_option
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo
from avowal.text import printable


@click.command("health")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
@store_option
@days_option
@click.option("--offline", is_flag=True, help="Ask DNS nothing: the SPF record is not looked at.")
@click.option(
    "--silent",
    type=click.IntRange(1, 400),
    default=3,
    show_default=True,
    help="Days without any report that are an alert.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per domain and line.")
@dns_options
def health(
    *,
    domains: tuple[str, ...],
    store: str,
    days: int,
    offline: bool,
    silent: int,
    as_json: bool,
    dns: Dns,
) -> int:
    """Say what needs somebody's eye: for cron and monitoring.

    Keys whose signatures pass less often at a receiver than before, sources that fail newly,
    new ones that nobody knows, failed TLS sessions, and reports that no longer come. Without
    DOMAIN every domain that has reports. The status is 0 when there is nothing, 1 otherwise.
    """
    from avowal.cli.reports_show import seen_of
    from avowal.cli.reports_view import alerts

    status = ExitStatus.PASSED
    today = int(time.time()) // 86_400
    with opened(store) as kept:
        for domain in domains or kept.domains():
            if not domains and kept.period(domain) is None:
                continue  # only reports of failures or of TLS
            seen = seen_of(kept, domain.lower(), days, dns, offline=offline)
            found = alerts(seen)
            if today - seen.period.last > silent:
                found.append(f"no report since {day_text(seen.period.last)}")
            if found:
                status = ExitStatus.NOT_PASSED
            if as_json:
                echo(json.dumps({"domain": domain, "healthy": not found, "alerts": found}))
            else:
                echo(f"{printable(domain)}: {'; '.join(found) if found else 'well'}")
    return status
