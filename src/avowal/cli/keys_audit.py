"""``avowal keys audit``: who did what with keys, and whether the log is as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from avowal import paths
from avowal.cli.exits import ExitStatus
from avowal.cli.group import Group
from avowal.cli.keystore import opened, store_option
from avowal.cli.streams import echo
from avowal.errors import StoreError
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.keys.audit import AuditEntry


@click.group("audit", cls=Group)
def command() -> None:
    """See, export and verify the audit log of a key store."""


@command.command("show")
@store_option
@click.option("--after", type=click.IntRange(0), default=0, help="Entries after this number.")
def show_command(*, store_name: str, after: int) -> None:
    """Show the entries, one a line."""
    with opened(store_name) as store:
        for entry in store.audit(after):
            told: dict[str, object] = json.loads(entry.detail)
            detail = " ".join(f"{name}={text}" for name, text in told.items())
            line = f"{entry.number} {_moment(entry.at)} {entry.who} {entry.what} {entry.subject}"
            echo(printable(f"{line} {detail}".rstrip()))


@command.command("export")
@store_option
@click.option("--after", type=click.IntRange(0), default=0, help="Entries after this number.")
def export_command(*, store_name: str, after: int) -> None:
    """Write the entries as JSON, one a line, as `audit verify FILE` reads them."""
    with opened(store_name) as store:
        for entry in store.audit(after):
            echo(json.dumps(entry.as_object()))


@command.command("head")
@store_option
def head_command(*, store_name: str) -> None:
    """Print number and hash of the last entry, for somebody outside to keep."""
    from avowal.keys.audit import Head

    head = Head()
    with opened(store_name) as store:
        for entry in store.audit():
            head = Head(number=entry.number, hash=entry.hash)
    echo(str(head))


@command.command("verify")
@store_option
@click.argument("path", metavar="[FILE]", required=False)
@click.option("--head", metavar="NUMBER:HASH", help="What `audit head` printed at some time.")
def verify_command(*, store_name: str, path: str | None, head: str | None) -> int:
    """Say whether the log is as it was written, or name the first entry that is not.

    Without --head nobody can tell a log that was cut at its end, or written anew, from a
    whole one.  FILE is an exported log; without it the store's is read.
    """
    from avowal.keys.audit import Head, first_fault

    held = None if head is None else Head.parse(head)
    last = Head()

    def watched(entries: Iterable[AuditEntry]) -> Iterable[AuditEntry]:
        nonlocal last
        for entry in entries:
            last = Head(number=entry.number, hash=entry.hash)
            yield entry

    if path is not None:
        fault = first_fault(watched(_entries(path)), held)
    else:
        with opened(store_name) as store:
            fault = first_fault(watched(store.audit()), held)
    if fault is not None:
        echo(f"entry {fault.number}: {fault.why}")
        return ExitStatus.NOT_PASSED
    echo(f"whole: {last.number} entries, head {last}")
    return ExitStatus.PASSED


def _moment(at: int) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(at)


def _entries(path: str) -> Iterable[AuditEntry]:
    from avowal.keys.audit import entry_of
    from avowal.stores.key_dump import MAX_OCTETS

    try:
        octets = paths.read(path, MAX_OCTETS)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(octets.splitlines(), 1):
        try:
            found: object = json.loads(line)
            if not isinstance(found, dict):
                raise TypeError("no JSON object")
            yield entry_of(found)
        except (ValueError, TypeError, RecursionError) as error:
            raise StoreError(f"{path}:{number}: no entry of an audit log: {error}") from None
