"""``avowal reports read``: reports from files, folders, mailboxes and standard input."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avowal.cli import exits, sources
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.progress import bar
from avowal.cli.reports_store import store_option
from avowal.cli.reports_tally import Tally
from avowal.cli.shared_options import dns_options
from avowal.text import storable

if TYPE_CHECKING:
    from avowal.calls.report_intake import Intake, ReportIntake
    from avowal.stores.received_tables import ReceivedTables

_SERVERS = ("imaps://", "imap://")


@click.command("read")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@store_option
@click.option("--again", is_flag=True, help="Look into files too that were read before.")
@click.option(
    "--authenticate",
    is_flag=True,
    help="Check who sent each report mail (DKIM, DMARC) and keep it: reports are forged too.",
)
@click.option(
    "--imap-password",
    metavar="FILE",
    help="The file with the password of a mailbox imaps://user@host/folder.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per report and line.")
@dns_options
def read(
    *,
    paths: tuple[str, ...],
    store: str,
    again: bool,
    authenticate: bool,
    imap_password: str | None,
    as_json: bool,
    dns: Dns,
) -> int:
    """Read aggregate, failure and TLS reports into a store, each of them once.

    PATH is a report (XML or JSON, also gzip or zip), a mail, an mbox, a Maildir, a folder of
    any of these, a mailbox imaps://user@host/folder, or - for standard input. Ctrl-C ends
    early; what was read is kept, and the same command goes on from there. The status is 1 when
    some report was refused, or a file that is named holds none.
    """
    from avowal.calls.report_intake import ReportIntake
    from avowal.stores.received import open_received

    tally = Tally(as_json=as_json)
    interrupted = False
    with open_received(store) as kept, _senders(dns, wanted=authenticate) as sender:
        intake = ReportIntake(kept, sender=sender)
        try:
            found = [
                file
                for path in paths
                for file in ([path] if path.startswith(_SERVERS) else sources.files(path))
            ]
            tally.named = frozenset(paths)
            with bar(found) as progress:
                for path in found:
                    if path.startswith(_SERVERS):
                        _mailbox(path, imap_password, kept, intake, tally, again=again)
                    else:
                        _file(path, kept, intake, tally, progress, again=again)
        except KeyboardInterrupt:
            interrupted = True
    tally.end(interrupted=interrupted)
    if interrupted:
        return ExitStatus.INTERRUPTED
    return tally.status


def _file(
    path: str,
    store: ReceivedTables,
    intake: ReportIntake,
    tally: Tally,
    progress: Callable[[int], object],
    *,
    again: bool,
) -> None:
    """Read one file; one that is as it was when it was read is passed over.

    What the system says of the file is a complaint, and the next one is read; what it says of
    our own output (closed, full) is raised.
    """
    tally.counts["files"] += 1
    found = _taken(path, store, intake, tally, progress, again=again)
    while True:
        try:
            one = next(found, None)
        except sources.Unusable as fault:
            exits.complain(str(fault))
            tally.unusable += 1
            return
        except OSError as error:
            exits.complain(exits.os_error(error))
            tally.unusable += 1
            return
        if one is None:
            return
        tally.add(one)


def _taken(
    path: str,
    store: ReceivedTables,
    intake: ReportIntake,
    tally: Tally,
    progress: Callable[[int], object],
    *,
    again: bool,
) -> Iterator[Intake]:
    """Take the reports of a file into the store.  Raises Unusable, OSError and StoreError."""
    with sources.opened(path) as file:
        state = os.fstat(file.fileno())
        mark = storable(os.path.realpath(path)), state.st_size, state.st_mtime_ns // 10**9
        if path != "-" and not again and store.was_read(*mark):
            progress(state.st_size)
            tally.counts["skipped"] += 1
            return
        for one in intake.take_all(file, storable(sources.named(path)), progress=progress):
            if one.word == "nothing":
                tally.nothing(path, one)
            else:
                yield one
        if path != "-":
            store.mark_read(*mark)


def _mailbox(
    url: str,
    password_file: str | None,
    store: ReceivedTables,
    intake: ReportIntake,
    tally: Tally,
    *,
    again: bool,
) -> None:
    """Read the mails of a mailbox on a server that came since the last time.

    Raises UsageError, StoreError and PeerError.
    """
    from avowal.calls.report_imap import ImapFolder, connected, place_of
    from avowal.calls.report_sources import mail_sources
    from avowal.errors import UsageError
    from avowal.report.limits import DEFAULT

    place = place_of(url)
    if password_file is None:
        raise UsageError(f"{url}: name the file with its password (--imap-password)")
    try:
        password = Path(password_file).read_text(encoding="utf-8").strip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{password_file}: no UTF-8 at octet {error.start}") from None
    folder = ImapFolder(connected(place), place, password)
    try:
        last = 0 if again else store.last_read(str(place), folder.validity)
        for mail in folder.mails(last, DEFAULT.compressed_octets * 2):
            tally.counts["files"] += 1
            if mail.octets is None:
                exits.complain(f"{place}: mail {mail.uid}: too large for a report")
                tally.unusable += 1
            else:
                for source in mail_sources(mail.octets, f"{place}, mail {mail.uid}"):
                    tally.add(intake.take(source))
            store.mark_read(str(place), mail.uid, folder.validity)
    finally:
        folder.close()


@contextmanager
def _senders(dns: Dns, *, wanted: bool) -> Iterator[Callable[[bytes], str] | None]:
    """Give what tells who proved to have sent a mail: the author's domain, where DMARC passes."""
    if not wanted:
        yield None
        return
    from avowal.calls.authenticate import authenticate
    from avowal.policy.result import PolicyResult

    with dns.opened() as resolver:

        def proven(mail: bytes) -> str:
            found = authenticate(mail, resolver)
            policies = found.findings.policies
            dmarc = None if policies is None else policies.dmarc
            if dmarc is None or dmarc.result is not PolicyResult.PASS:
                return ""
            return "" if dmarc.author_domain is None else dmarc.author_domain.ascii

        yield proven
