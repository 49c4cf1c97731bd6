"""``avowal reports show``: what reports say of a domain, in the terminal or as a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from avowal.cli import exits
from avowal.cli.dns import Dns
from avowal.cli.domains import as_in_reports
from avowal.cli.exits import ExitStatus
from avowal.cli.reports_store import days_option, opened, period_of, store_option
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo

if TYPE_CHECKING:
    from avowal.report.overview import Overview
    from avowal.stores.received_tables import ReceivedTables


@click.command("show")
@click.argument("domain", callback=as_in_reports)
@store_option
@days_option
@click.option("--html", "page", metavar="FILE", help="Write a page that needs nothing else.")
@click.option("--offline", is_flag=True, help="Ask DNS nothing: no SPF record, no names.")
@click.option("--names", is_flag=True, help="Look up the names of the first sources (PTR).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object with everything.")
@dns_options
def show(
    *,
    domain: str,
    store: str,
    days: int,
    page: str | None,
    offline: bool,
    names: bool,
    as_json: bool,
    dns: Dns,
) -> int:
    """Show who sends for a domain and what passes, what fails newly, and what reject would cost.

    Sources are told apart by the SPF record of the domain (DNS is asked, unless --offline), by
    its keys and by who else signed.
    """
    with opened(store) as kept:
        seen = seen_of(kept, domain, days, dns, offline=offline, names=names)
    if page is not None:
        from avowal.cli.reports_page import write_page

        write_page(seen, page)
    if as_json:
        from avowal.cli.reports_view import as_object

        echo(json.dumps(as_object(seen)))
    elif page is None:
        from avowal.cli.reports_view import as_text

        echo(as_text(seen))
    return ExitStatus.PASSED


def seen_of(
    store: ReceivedTables, domain: str, days: int, dns: Dns, *, offline: bool, names: bool = False
) -> Overview:
    """Put together what a store holds, with the SPF record of the domain.

    Raises UsageError, StoreError, and what opening a resolver raises.
    """
    from avowal.report.overview import overview

    period = period_of(store, domain, days)
    if offline:
        return overview(store, domain, period)
    from avowal.lookup import run
    from avowal.report.source_names import named
    from avowal.report.spf_tree import spf_tree

    with dns.opened() as resolver:
        tree = run(spf_tree(domain), resolver)
        if not tree.whole:
            exits.complain(
                f"the SPF record of {domain} could not be looked up whole: sources that it permits "
                "may be shown as unknown"
            )
        seen = overview(store, domain, period, permits=tree.permits)
        return run(named(seen), resolver) if names else seen
