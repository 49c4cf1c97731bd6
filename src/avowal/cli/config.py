"""``avowal config``: find mistakes in a configuration, explain it, show every option."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from avowal.cli.config_from_opendkim import from_dkimpy_milter, from_opendkim
from avowal.cli.exits import ExitStatus, complain
from avowal.cli.group import Group
from avowal.errors import ConfigError
from avowal.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from avowal.config.model import Configuration
    from avowal.config.places import Places
    from avowal.flow.plan import Plan


@click.group("config", cls=Group)
def command() -> None:
    """Check, explain and show configurations of the daemon."""


@command.command("check")
@click.argument("file")
@click.option("--explain", "explained", is_flag=True, help="Say in sentences what it will do.")
def check(*, file: str, explained: bool) -> int:
    """Read FILE, load its keys and tables, and name every mistake; DNS is not asked.

    What is allowed but rarely meant is pointed out and does not count as a mistake.
    """
    from avowal.app import examined
    from avowal.key_files import key_notes

    notes: list[str] = []

    def looked_at(configuration: Configuration, places: Places) -> Plan:
        plan = examined(configuration, places)
        notes.extend(key_notes(configuration))
        return plan

    plan = checked(file, looked_at)
    if plan is None:
        return ExitStatus.UNUSABLE
    for note in notes:
        print(f"note: {printable(note)}")
    from avowal.flow import summary

    for text, place in summary.cautions(plan):
        print(f"note: {printable(text)}" + ("" if place is None else f" ({place})"))
    if explained:
        for sentence in summary.explain(plan):
            print(printable(sentence))
    else:
        print(f"{printable(file)}: no mistakes; {len(plan.keys)} keys, {len(plan.rules)} rules")
    return ExitStatus.PASSED


@command.command("show")
@click.argument("file", required=False)
@click.option("--defaults", is_flag=True, help="Print a sample file with every option.")
def show(*, file: str | None, defaults: bool) -> int:
    """Print a sample file (--defaults), or what FILE sets, without comments and secrets."""
    from avowal.config.toml import read
    from avowal.config.writing import sample, shown

    if defaults == (file is not None):
        raise click.UsageError("give either a FILE or --defaults")
    if file is None:
        print(sample(), end="")
        return ExitStatus.PASSED
    try:
        loaded = read(file)
    except ConfigError as error:
        return _told(error)
    print(shown(loaded.configuration), end="")
    return ExitStatus.PASSED


@command.command("reference")
def reference() -> int:
    """Print the page that describes every option, in Markdown."""
    from avowal.config import writing

    print(writing.reference(), end="")
    return ExitStatus.PASSED


command.add_command(from_opendkim)
command.add_command(from_dkimpy_milter)


def checked(file: str, compile_: Callable[[Configuration, Places], Plan]) -> Plan | None:
    """Read and compile a configuration; name its mistakes on stderr and return None."""
    from avowal.config.toml import read

    try:
        loaded = read(file)
        return compile_(loaded.configuration, loaded.places)
    except ConfigError as error:
        _told(error)
        return None


def _told(error: ConfigError) -> int:
    """Name each mistake in a line of its own."""
    for one in getattr(error, "each", (error,)):
        complain(str(one))
    return ExitStatus.UNUSABLE
