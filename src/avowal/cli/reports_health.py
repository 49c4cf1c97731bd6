"""``avowal reports health``: alerts about domains, by exit status."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING

import click

from avowal.cli.dns import Dns
from avowal.cli.domains import each_as_in_reports
from avowal.cli.exits import ExitStatus
from avowal.cli.reports_store import days_option, opened, store_option
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo
from avowal.dates import DAY, date_of
from avowal.text import counted, printable

if TYPE_CHECKING:
    from avowal.cli.reports_alerts import DomainHealth, HostHealth


@click.command("health")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...", callback=each_as_in_reports)
@store_option
@days_option
@click.option(
    "-c",
    "--config",
    metavar="FILE",
    help="The configuration of a daemon that keeps events: its hosts lose none, or are an alert.",
)
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
    config: str | None,
    offline: bool,
    silent: int,
    as_json: bool,
    webhook: str | None,
    metrics: str | None,
    dns: Dns,
) -> int:
    """Say what needs somebody's eye: for cron and monitoring.

    Keys whose signatures pass less often at a receiver than before, sources that fail newly,
    new ones that nobody knows, failed TLS sessions, and reports that no longer come; with
    `--config` hosts of ours that had to drop events. Without DOMAIN every domain that has
    reports. The status is 0 when there is nothing, 1 otherwise, and 3 where an alert could not be
    posted.
    """
    from avowal.cli.reports_alerts import DomainHealth, posted, write_metrics
    from avowal.cli.reports_show import seen_of
    from avowal.cli.reports_view import alerts

    told: list[DomainHealth | HostHealth] = []
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
            _tell(told[-1], as_json=as_json)
    if config is not None:
        for one in hosts_that_lost(config, today - days):
            told.append(one)
            _tell(one, as_json=as_json)
    if metrics is not None:
        write_metrics(metrics, told)
    if webhook is not None and not posted(webhook, told):
        return ExitStatus.TRY_AGAIN
    return ExitStatus.NOT_PASSED if any(one.alerts for one in told) else ExitStatus.PASSED


def _tell(one: DomainHealth | HostHealth, *, as_json: bool) -> None:
    word, name = one.subject
    if as_json:
        echo(json.dumps({word: name, "healthy": not one.alerts, "alerts": one.alerts}))
    else:
        echo(f"{printable(name)}: {'; '.join(one.alerts) if one.alerts else 'well'}")


def hosts_that_lost(config: str, since: int) -> list[HostHealth]:
    """Return the hosts that dropped events on or after a day.  Raises ConfigError, StoreError."""
    from avowal.cli.reporting import events_of
    from avowal.cli.reports_alerts import HostHealth
    from avowal.stores.report_tables import lost_events

    found: dict[str, list[str]] = {}
    with closing(events_of(config)) as store:
        for day, host, messages in lost_events(store):
            if day >= since:
                came = f"{counted(messages, 'message')} of {date_of(day)}"
                found.setdefault(host, []).append(f"{came} without an event, so in no report")
    return [HostHealth(host, tuple(alerts)) for host, alerts in sorted(found.items())]
