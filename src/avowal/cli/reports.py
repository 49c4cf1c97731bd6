"""``avowal reports``: those that domain owners ask for, made and sent, and those received, read."""

from __future__ import annotations

import click

from avowal.cli.group import Group
from avowal.cli.reports_bounces import bounces
from avowal.cli.reports_cost import cost
from avowal.cli.reports_failures import failures
from avowal.cli.reports_forget import forget
from avowal.cli.reports_health import health
from avowal.cli.reports_import import import_command
from avowal.cli.reports_make import make
from avowal.cli.reports_prune import prune
from avowal.cli.reports_read import read
from avowal.cli.reports_receive import receive
from avowal.cli.reports_send import send
from avowal.cli.reports_shares import shares
from avowal.cli.reports_show import show
from avowal.cli.reports_status import status


@click.group("reports", cls=Group)
def command() -> None:
    """Make and send reports to domain owners; read and show those about your own domain."""


for one in (make, send, failures, bounces, status, cost, forget):
    command.add_command(one)
for one in (read, receive, show, health, shares, import_command, prune):
    command.add_command(one)
