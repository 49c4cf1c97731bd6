"""``avowal reports``: aggregate reports to the owners of domains, made, sent and read."""

from __future__ import annotations

import click

from avowal.cli.group import Group
from avowal.cli.reports_cost import cost
from avowal.cli.reports_forget import forget
from avowal.cli.reports_make import make
from avowal.cli.reports_send import send
from avowal.cli.reports_status import status


@click.group("reports", cls=Group)
def command() -> None:
    """Make and send the reports that domain owners ask for (DMARC, RFC 9990)."""


for one in (make, send, status, cost, forget):
    command.add_command(one)
