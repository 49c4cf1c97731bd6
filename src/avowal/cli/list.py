"""``avowal list``: what a mailing list should do with a message, and doing it."""

from __future__ import annotations

import click

from avowal.cli.group import Group
from avowal.cli.list_advise import advise
from avowal.cli.list_pipe import pipe


@click.group("list", cls=Group)
def command() -> None:
    """Advise a mailing list, or do its DKIM work between two programs."""


command.add_command(advise)
command.add_command(pipe)
