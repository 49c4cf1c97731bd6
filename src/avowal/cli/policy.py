"""``avowal policy``: what domains publish about the use of their names, and what follows."""

from __future__ import annotations

import click

from avowal.cli.group import Group
from avowal.cli.policy_evaluate import evaluate
from avowal.cli.policy_make import make
from avowal.cli.policy_publish import check, show
from avowal.cli.policy_simulate import simulate


@click.group("policy", cls=Group)
def command() -> None:
    """See, check and write what domains publish; evaluate a message under it."""


for _subcommand in (show, check, make, evaluate, simulate):
    command.add_command(_subcommand)
