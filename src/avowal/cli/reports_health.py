"""``avowal reports health``: alerts about domains, by exit status."""

from __future__ import annotations

import json
import time

import click

from avowal.cli.dns import Dns
from avowal.cli.domains import each_as_in_reports
from avowal.cli.exits import ExitStatus
from avowal.cli.reports_store import days_option, opened, store_option
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo
from avowal.dates import DAY, date_of
from avowal.text import printable


@click.command("health")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...", callback=each_as_in_reports)
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
@click.option(
    "--webhook",
    metavar="URL",
    help='Where alerts are posted as JSON, {"text": ..., "alerts": [...]}; nothing without any.',
)
@click.option(
    "--metrics",
    metavar="FILE",
    help="Where the numbers of alerts are written for Prometheus (node exporter's textfiles).",
)
@dns_options
def health(
    *,
    domains: tuple[str, ...],
    store: str,
    days: int,
    offline: bool,
    silent: int,
    as_json: bool,
    webhook: str | None,
    metrics: str | None,
    dns: Dns,
) -> int:
    """Say what needs somebody's eye: for cron and monitoring.

    Keys whose signatures pass less often at a receiver than before, sources that fail newly,
    new ones that nobody knows, failed TLS sessions, and reports that no longer come. Without
    DOMAIN every domain that has reports. The status is 0 when there is nothing, 1 otherwise, and
    3 where an alert could not be posted.
    """
    from avowal.cli.reports_alerts import DomainHealth, posted, write_metrics
    from avowal.cli.reports_show import seen_of
    from avowal.cli.reports_view import alerts

    status, told = ExitStatus.PASSED, list[DomainHealth]()
    today = int(time.time()) // DAY
    with opened(store) as kept:
        for domain in domains or kept.domains():
            if not domains and kept.period(domain) is None:
                continue  # only reports of failures or of TLS
            seen = seen_of(kept, domain, days, dns, offline=offline)
            found = alerts(seen)
            if today - seen.period.last > silent:
                found.append(f"no report since {date_of(seen.period.last)}")
            told.append(DomainHealth(domain, seen.period.last, tuple(found)))
            if found:
                status = ExitStatus.NOT_PASSED
            if as_json:
                echo(json.dumps({"domain": domain, "healthy": not found, "alerts": found}))
            else:
                echo(f"{printable(domain)}: {'; '.join(found) if found else 'well'}")
    if metrics is not None:
        write_metrics(metrics, told)
    if webhook is not None and not posted(webhook, told):
        return ExitStatus.TRY_AGAIN
    return status
