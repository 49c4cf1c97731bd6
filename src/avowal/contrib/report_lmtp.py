"""A mailbox of reports by LMTP (RFC 2033), for aiosmtpd: an MTA hands over, a store keeps.

A mail is answered when what it brings stands in the store: 250 also where it holds no report,
which an address that is published gets every day; 451, so that the MTA tries again, where the
store cannot be written.
"""

from __future__ import annotations

import asyncio
import io
import logging
import socket
from collections.abc import Callable
from typing import IO, Final

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from avowal.calls.report_answers import UploadedFileObject
from avowal.errors import EnvironmentFault
from avowal.report.limits import DEFAULT
from avowal.text import printable

LOGGER: Final = logging.getLogger("avowal.contrib.report_lmtp")
MOST_CONNECTIONS: Final = 20
"""At once; an MTA has one or two."""
MOST_OCTETS: Final = DEFAULT.compressed_octets * 2
"""Of a mail: an attachment in base64 grows by a third."""
IDLE_SECONDS: Final = 300.0
"""In which a client has to say something (RFC 5321 §4.5.3.2.7)."""
_BUSY: Final = b"421 4.3.2 too many connections: try again\r\n"
_ONE: Final = "452 4.5.3 one recipient at a time"
_LATER: Final = "451 4.3.0 reports cannot be kept for now: try again"
_SHOWN: Final = 200  # characters of a reason in a reply

TakeMail = Callable[[IO[bytes], str], UploadedFileObject]
"""Reads one mail into the store; called in a thread.  Raises EnvironmentFault and OSError."""


class ReportMailbox:
    """Takes mails; what each held is logged."""

    def __init__(self, take: TakeMail) -> None:
        self._take = take
        self._turn = asyncio.Lock()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take one recipient: with several each would need an answer of its own (RFC 2033 §4.2)."""
        if envelope.rcpt_tos:
            return _ONE
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep what a mail brings."""
        octets = envelope.original_content or b""
        name = printable(f"the mail from {envelope.mail_from or '<>'}")
        try:
            async with self._turn:
                found = await asyncio.to_thread(self._take, io.BytesIO(octets), name)
        except (EnvironmentFault, OSError) as fault:
            LOGGER.error("%s: %s", name, fault)  # noqa: TRY400 - the sentence says it all
            return _LATER
        told = f"{found.kept} kept, {found.copies} known already, {found.refused} refused"
        why = "" if found.why is None else f": {found.why}"
        LOGGER.info("%s: %s%s", name, told, why)
        return f"250 2.0.0 {told}{_reply(why)}"


def _reply(text: str) -> str:
    return printable(text)[:_SHOWN].encode("ascii", "replace").decode()


class _Connection(LMTP):
    """LMTP with a bound on connections."""

    open = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        _Connection.open += 1
        if _Connection.open > MOST_CONNECTIONS and isinstance(transport, asyncio.WriteTransport):
            transport.write(_BUSY)
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        _Connection.open -= 1
        if self.transport is not None:
            super().connection_lost(error)


async def serve(
    listening: socket.socket,
    take: TakeMail,
    stop: asyncio.Event,
    *,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve on a listening socket until `stop` is set; a mail that came is answered first."""
    loop = asyncio.get_running_loop()
    mailbox = ReportMailbox(take)

    def connection() -> _Connection:
        return _Connection(
            mailbox, data_size_limit=MOST_OCTETS, enable_SMTPUTF8=True, timeout=IDLE_SECONDS,
            ident="avowal", loop=loop,
        )  # fmt: skip

    if listening.family == socket.AF_UNIX:
        server = await loop.create_unix_server(connection, sock=listening)
    else:
        server = await loop.create_server(connection, sock=listening)
    ready()
    await stop.wait()
    server.close()
    async with mailbox._turn:  # a mail that is being read is read to its end
        await asyncio.sleep(0.1)  # and its answer sent
