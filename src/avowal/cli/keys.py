"""``avowal keys``: keys from their making to their end, and those of the past."""

from __future__ import annotations

import os

import click

from avowal.cli.group import Group
from avowal.cli.keys_add import add_command, export_command, import_command
from avowal.cli.keys_archive import command as archive_command
from avowal.cli.keys_audit import command as audit_command
from avowal.cli.keys_doctor import command as doctor_command
from avowal.cli.keys_look import command as look_command
from avowal.cli.keys_rotate import COMMANDS as ROTATION_COMMANDS
from avowal.cli.keys_run import command as run_command
from avowal.cli.keys_signer import command as signer_command
from avowal.cli.keys_status import command as status_command
from avowal.cli.keys_store import backup_command, restore_command
from avowal.cli.keys_store import command as store_command
from avowal.cli.shared_options import line_ends_option
from avowal.line_ends import LineEnds


@click.group("keys", cls=Group)
def command() -> None:
    """Keep keys, rotate them, look at them; find those of old mail again."""


command.add_command(doctor_command)
command.add_command(look_command)
for _command in (run_command, status_command, *ROTATION_COMMANDS):
    command.add_command(_command)
for _command in (add_command, import_command, export_command, archive_command, audit_command):
    command.add_command(_command)
for _command in (backup_command, restore_command, signer_command, store_command):
    command.add_command(_command)


@command.command("recover")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="The key archive; what it holds already is kept and tried first.",
)
@click.option("-d", "--domain", help="Look for the keys of this signing domain only.")
@click.option("-s", "--selector", help="Look for the keys of this selector only.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=os.cpu_count() or 1,
    show_default="one for each processor",
    help="Keys looked for at the same time; each takes some 300 MB.",
)
@click.option(
    "--pairs",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="Pairs of messages to try for a key; each takes half a minute (2048 bits).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per selector and line.")
@line_ends_option
def recover_command(
    *,
    paths: tuple[str, ...],
    output: str,
    domain: str | None,
    selector: str | None,
    jobs: int,
    pairs: int,
    as_json: bool,
    line_ends: LineEnds,
) -> int:
    """Find retired RSA keys again, from two intact messages of a selector each.

    SOURCE is a file with one message, an mbox, a Maildir, a folder of such files, or -.
    A key that is found shows that one signer made these signatures, not that the domain
    published it: mail never passes by it.  `avowal verify --keys-from FILE` uses it.
    """
    from avowal.cli.key_recovery import Recovery, Wanted

    wanted = Wanted(domain=domain, selector=selector, line_ends=line_ends)
    work = Recovery(output, pairs=pairs, jobs=jobs, as_json=as_json)
    return work.run(paths, wanted)
