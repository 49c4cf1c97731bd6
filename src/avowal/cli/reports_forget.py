"""``avowal reports forget``: erase what events say of the address of a host."""

from __future__ import annotations

import ipaddress
from contextlib import closing

import click

from avowal.cli.exits import ExitStatus
from avowal.cli.reporting import config_option, events_of
from avowal.cli.streams import echo
from avowal.errors import UsageError


@click.command("forget")
@click.argument("address", metavar="ADDRESS")
@config_option
def forget(*, address: str, config: str) -> int:
    """Erase every event and count that names the IP ADDRESS of a client, for good.

    Reports that were sent cannot be called back; counts of days that are over become smaller.
    """
    try:
        written = str(ipaddress.ip_address(address))
    except ValueError:
        raise UsageError(f"{address!r} is no IP address") from None
    with closing(events_of(config)) as store:
        gone = store.erase(written)
    echo(f"{gone.events} events and {gone.counts} counts of {written} are gone")
    return ExitStatus.PASSED
