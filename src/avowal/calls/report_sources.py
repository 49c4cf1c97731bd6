"""Where reports come from: files, folders, Maildirs, mailboxes, mails, streams.

A source is one report as it was found: its octets as they are wrapped, or a mail that is a
failure report.  A file that holds nothing of the kind gives the reason.  What is in a file is
told by its octets, so a folder may hold reports, mails and mailboxes side by side.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from avowal.calls import mailboxes
from avowal.calls.wrappings import Unusable
from avowal.lists.mime_parameters import parameters, word
from avowal.message import Message
from avowal.report.arf import ReportFault
from avowal.report.containers import Damaged, expanded, kind_of
from avowal.report.limits import DEFAULT, ReportLimits
from avowal.report.mail_parts import attachments, has_feedback, why_none

_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_LOOK = 64 << 10

Progress = Callable[[int], object]


class ReportSource(NamedTuple):
    """One report: where it stands, how to read it, and the mail that brought it.

    `file` holds an aggregate report or one of SMTP TLS; None where `mail` itself is a failure
    report.  `mail` is None for a file without one.  A file in which there is no report gives one
    source of neither, and `nothing` says why.
    """

    origin: str
    file: IO[bytes] | None
    mail: bytes | None = None
    nothing: str = ""


class TooLarge(Unusable):
    """A mail beyond what reports may have."""


def report_sources(
    file: IO[bytes], name: str, *, progress: Progress, limits: ReportLimits = DEFAULT
) -> Iterator[ReportSource]:
    """Yield the reports of an open file, which is read once.  Raises Unusable and OSError.

    A report has to be read before the next one is asked for.
    """
    with ExitStack() as ending:
        seekable = file if file.seekable() else ending.enter_context(_kept(file, name, limits))
        yield from _reports(seekable, name, progress, limits)


def _reports(
    seekable: IO[bytes], name: str, progress: Progress, limits: ReportLimits
) -> Iterator[ReportSource]:
    beginning = seekable.read(_LOOK)
    seekable.seek(0)
    if _is_report(beginning):
        progress(seekable.seek(0, io.SEEK_END))
        seekable.seek(0)
        yield ReportSource(name, seekable)
        return
    found, mails, why = False, 0, "no mail is in it"
    for message in mailboxes.messages_in(seekable, name, progress):
        octets = _mail(message, limits)
        if octets is None:
            raise TooLarge(f"{message.origin}: over {limits.compressed_octets * 2} octets")
        for source in mail_sources(octets, str(message.origin)):
            found = True
            yield source
        mails += 1
        if mails == 1 and not found:
            why = why_none(Message.from_stored(octets))
    if not found:
        yield ReportSource(name, None, nothing=why if mails < 2 else _none_of(mails, why))


def _none_of(mails: int, why: str) -> str:
    return f"none of its {mails:,} mails has one (the first: {why})"


def mail_sources(octets: bytes, name: str) -> Iterator[ReportSource]:
    """Yield the reports of a mail."""
    message = Message.from_stored(octets)
    found = False
    for one in attachments(message):
        found = True
        yield ReportSource(f"{name}: {one.name}", io.BytesIO(one.octets), octets)
    if not found and (has_feedback(message) or _may_be_exim(message)):
        yield ReportSource(name, None, octets)


def _is_report(beginning: bytes) -> bool:
    """Whether a file begins as a report does; compressed mailboxes do not."""
    if beginning.startswith(_ZIP):
        return True
    if beginning.startswith(_GZIP):
        try:
            first = next(filter(None, expanded(io.BytesIO(beginning))), b"")
        except Damaged:
            return True
        except ReportFault:
            return False
        beginning = first
    try:
        return bool(kind_of(beginning))
    except ReportFault:
        return False


def _mail(message: mailboxes.StoredMessage, limits: ReportLimits) -> bytes | None:
    """The octets of a mail; None beyond twice what an attachment may have (base64)."""
    most = limits.compressed_octets * 2
    pieces, size = [], 0
    while piece := message.read(_LOOK):
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _may_be_exim(message: Message) -> bool:
    """Whether a mail is a multipart/report that does not say of what; bounces say it."""
    kinds = message.header.named(b"content-type")
    if not kinds or word(kinds[0].value) != b"multipart/report":
        return False
    return parameters(kinds[0].value).get(b"report-type", b"").lower() in (b"", b"feedback-report")


@contextmanager
def _kept(file: IO[bytes], name: str, limits: ReportLimits) -> Iterator[IO[bytes]]:
    """A file of what a pipe brings: standard input, a mail from an MTA.  Raises Unusable."""
    with TemporaryFile() as kept:
        size = 0
        while piece := file.read(_LOOK):
            size += len(piece)
            if size > limits.expanded_octets:
                raise Unusable(f"{name}: over {limits.expanded_octets} octets; write it to a file")
            kept.write(piece)
        kept.seek(0)
        yield kept
