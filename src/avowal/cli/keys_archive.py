"""``avowal keys archive``: every key that was ever seen, kept in the store for old mail."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from avowal.cli.dns import Dns
from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus
from avowal.cli.group import Group
from avowal.cli.keystore import opened, store_option, who
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo
from avowal.errors import StoreError
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.keys.archive import ArchivedKey
    from avowal.names import DomainName

_SHOWN = 60  # characters of a record in a line


@click.group("archive", cls=Group)
def command() -> None:
    """See, take in and give out the keys that were ever seen.

    `avowal verify --keys-from store:STORE` verifies with them.
    """


@command.command("list")
@click.option("-d", "--domain", help="Of this domain only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per key and line.")
@store_option
def list_command(*, domain: str | None, as_json: bool, store_name: str) -> None:
    """List the keys: when each was seen first and last, from where, and under DNSSEC or not."""
    from avowal.keys.archive import members_of

    with opened(store_name) as store:
        for key in store.archived(None if domain is None else domain_name(domain).ascii):
            echo(json.dumps(members_of(key)) if as_json else _line(key))


def _line(key: ArchivedKey) -> str:
    secure = {None: "-", True: "secure", False: "insecure"}[key.secure]
    record = printable(key.record, most=_SHOWN)
    return f"{_day(key.first)} {_day(key.last)} {key.source} {secure} {key.name} {record}"


def _day(at: int | None) -> str:
    try:
        return "-" if at is None else datetime.fromtimestamp(at, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "-"


@command.command("import")
@click.argument("path", metavar="FILE")
@store_option
def import_command(*, path: str, store_name: str) -> None:
    """Take in a key archive, such as `avowal keys recover` writes."""
    from avowal.keys.archive import KeyArchive
    from avowal.keys.audit import deed
    from avowal.keys.store import Change

    try:
        found = tuple(KeyArchive.load(path))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
    with opened(store_name) as store:
        told = deed("archive-import", path, keys=len(found))
        store.commit(Change(who=who(), at=int(time.time()), deeds=(told,), archived=found))
    echo(f"{path}: {len(found)} keys")


@command.command("export")
@click.argument("path", metavar="FILE")
@store_option
def export_command(*, path: str, store_name: str) -> None:
    """Write the archive to a file, as `--keys-from FILE` and other programs read it."""
    from avowal.keys.archive import KeyArchive

    with opened(store_name) as store:
        found = KeyArchive(store.archived())
    try:
        found.save(path)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
    echo(f"{path}: {len(found)} keys")


@command.command("see")
@click.argument("domain")
@click.option("-s", "--selector", required=True, help="The key's selector, s=.")
@store_option
@dns_options
def see_command(*, domain: str, selector: str, store_name: str, dns: Dns) -> int:
    """Ask DNS for a key now, whoever's it is, and keep what it shows."""
    from avowal.keys.store import Change

    found = _seen(domain_name(domain), domain_name(selector), dns)
    with opened(store_name) as store:
        if found:
            store.commit(Change(who=who(), at=int(time.time()), archived=found))
    for key in found:
        echo(_line(key))
    return ExitStatus.PASSED if found else ExitStatus.NOT_PASSED


def _seen(domain: DomainName, selector: DomainName, dns: Dns) -> tuple[ArchivedKey, ...]:
    from avowal.dkim.query import dns_txt
    from avowal.dns.limits import Limited
    from avowal.keys.archive import ArchivedKey, KeySource
    from avowal.lookup import run

    now = int(time.time())
    with dns.opened() as resolver:
        answer = run(dns_txt(selector, domain), Limited(resolver))
    return tuple(
        ArchivedKey(
            domain=domain.ascii,
            selector=selector.ascii,
            record=octets.decode("utf-8", "replace"),
            source=KeySource.DNS,
            first=now,
            last=now,
            secure=answer.secure,
        )
        for octets in answer.records
    )
