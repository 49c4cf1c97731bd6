"""``avowal keys store``, ``backup`` and ``restore``: the key store as a whole."""

from __future__ import annotations

import time

import click

from avowal.cli.group import Group
from avowal.cli.keystore import opened, store_option
from avowal.cli.streams import echo
from avowal.dates import DAY


@click.group("store", cls=Group)
def command() -> None:
    """Make, describe, migrate and prune a key store."""


@command.command("create")
@store_option
def create_command(*, store_name: str) -> None:
    """Make a key store, or see that there is one."""
    from avowal.stores.key_stores import create_key_store

    create_key_store(store_name).close()
    echo(f"{_shown(store_name)}: a key store")


@command.command("show")
@store_option
def show_command(*, store_name: str) -> None:
    """Say what is in a key store."""
    from collections import Counter

    from avowal.stores.key_schema import NEWEST

    with opened(store_name) as store:
        echo(f"{store.name}: schema {NEWEST}, {store.revision()} changes")
        for table, number in sorted(Counter(table for table, _ in store.dump()).items()):
            echo(f"  {number:>7} {table.replace('_', ' ')}")
        managed = store.keys()
        for key in managed:
            echo(f"{key.name}  {key.algorithm}  {key.state}  {key.private}")


@command.command("migrate")
@store_option
@click.option("--to", type=int, help="The schema to lead to.  [default: the newest]")
def migrate_command(*, store_name: str, to: int | None) -> None:
    """Bring the store to the schema of this release, or back to an earlier one.

    Stop whatever uses the store before; make a backup before you go back, for what the
    earlier schema does not know is dropped.
    """
    from avowal.stores.key_schema import NEWEST
    from avowal.stores.key_stores import migrate_key_store

    to = NEWEST if to is None else to
    before = migrate_key_store(store_name, to)
    echo(f"{_shown(store_name)}: schema {to}, was {before}")


@command.command("prune")
@store_option
@click.option(
    "--days", type=click.IntRange(1), default=400, show_default=True, help="What is kept."
)
def prune_command(*, store_name: str, days: int) -> None:
    """Forget old sights, pass shares and uses; keys, archive and audit log stay."""
    with opened(store_name) as store:
        gone = store.prune(int(time.time()) - days * DAY)
    echo(f"forgotten: {', '.join(f'{number} {what}' for what, number in gone.items())}")


@click.command("backup")
@store_option
@click.argument("path", metavar="FILE")
def backup_command(*, store_name: str, path: str) -> None:
    """Write the whole store to a new file, from which every kind of store can be restored.

    There is no private key in it: those are where `avowal keys store show` says.
    """
    from avowal.stores.key_stores import back_up

    with opened(store_name) as store:
        echo(f"{path}: {back_up(store, path)} rows")


@click.command("restore")
@store_option
@click.argument("path", metavar="FILE")
def restore_command(*, store_name: str, path: str) -> None:
    """Make a store of a backup, where there is none yet or an empty one."""
    from avowal.stores.key_stores import restore

    restore(store_name, path).close()
    echo(f"{_shown(store_name)}: restored")


def _shown(name: str) -> str:
    """Return the name of a store without its password."""
    head, at, host = name.rpartition("@")
    if not at or "://" not in head:
        return name
    scheme, _, user = head.partition("://")
    return f"{scheme}://{user.partition(':')[0]}@{host}"
