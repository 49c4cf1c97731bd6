"""``avowal reports bounces``: report mails that came back, from the mailbox they come to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING

import click

from avowal.cli import exits, sources
from avowal.cli.exits import ExitStatus
from avowal.cli.reporting import Reporting, config_option
from avowal.cli.streams import echo
from avowal.dates import date_of
from avowal.errors import ConfigError
from avowal.message import Message

if TYPE_CHECKING:
    from avowal.report.bounces import BounceAddresses, BounceCode
    from avowal.report.report_ledger import MailName
    from avowal.stores.report_tables import ReportStore, ReportTables

MOST_OCTETS = 16 << 20
"""Octets of a bounce: one that returns a report has as many as that."""


@click.command("bounces")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@config_option
def bounces(*, paths: tuple[str, ...], config: str) -> int:
    """Read bounces of report mails, and suspend the addresses that refuse them for good.

    PATH is a mail, an mbox, a Maildir, a folder, or - for one mail on standard input. Who forges
    a bounce has to know the address it goes to, which is another for each mail. The status is 2
    where something could not be read.
    """
    reporting = Reporting.read(config)
    status, done = ExitStatus.PASSED, Counter[str]()
    with closing(reporting.store()) as store, closing(reporting.store()) as other:
        reader = _Reader.of(reporting, store, other)
        for path in [file for one in paths for file in sources.files(one)]:
            try:
                for origin, chunks in sources.messages(path, lambda octets: None):
                    done[reader.take(str(origin), chunks)] += 1
            except sources.Unusable as fault:
                exits.complain(str(fault))
                status = ExitStatus.UNUSABLE
    words = ", ".join(f"{number} {word}" for word, number in sorted(done.items()))
    echo(words or "no mail", err=True)
    return status


class _Reader:
    """Tells of each mail what it is, and notes it."""

    def __init__(self, addresses: BounceAddresses, ledgers: tuple[ReportTables, ...]) -> None:
        self._addresses = addresses
        self._ledgers = ledgers

    @classmethod
    def of(cls, reporting: Reporting, store: ReportStore, other: ReportStore) -> _Reader:
        from avowal.stores.report_tables import ReportTables

        addresses = reporting.bounce_addresses()
        if addresses is None:
            raise ConfigError(
                "bounces go nowhere", key="aggregate.bounces",
                hint="name the address that they are to come to",
            )  # fmt: skip
        return cls(addresses, (ReportTables(store), ReportTables(other, "failure")))

    def take(self, origin: str, chunks: Iterable[bytes]) -> str:
        """Return the word of what a mail is.  Raises StoreError."""
        from avowal.report.bounces import delivery_statuses

        octets = b""
        for chunk in chunks:
            octets += chunk
            if len(octets) > MOST_OCTETS:
                exits.complain(f"{origin}: over {MOST_OCTETS} octets: no bounce of ours")
                return "not read"
        message = Message.from_stored(octets)
        code = self._addresses.in_message(message)
        statuses = delivery_statuses(message)
        if code is None or not statuses:
            return "no bounces"
        final = next((one for one in statuses if one.is_final), None)
        if final is None:
            return "delays"
        found = self._found(code)
        if found is None:
            return "unknown or known before"
        ledger, name = found
        self._note(ledger, name, f"{final.status} {final.said}".strip())
        return "suspended"

    def _found(self, code: BounceCode) -> tuple[ReportTables, MailName] | None:
        for ledger in self._ledgers:
            name = self._addresses.whose(code, ledger.sent(code.day))
            if name is not None:
                return ledger, name
        return None

    def _note(self, ledger: ReportTables, name: MailName, said: str) -> None:
        from avowal.report.report_ledger import SUSPENDED_SECONDS, MailState

        now = int(time.time())
        ledger.settle(name, MailState.BOUNCED, now, why=said)
        ledger.suspend(name.recipient, now + SUSPENDED_SECONDS, f"bounced: {said}")
        echo(f"{name.recipient}: the report of {date_of(name.day)} about {name.domain} came back: "
             f"{said}")  # fmt: skip
