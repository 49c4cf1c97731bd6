"""For aiosmtpd: a server that knows of each message whether it is really from whom it says.

::

    async def take(envelope, judgement):
        if judgement.authentic and judgement.author in STAFF: ...

    controller = JudgingController(JudgingHandler(take, authserv_id="mx.example.org"))
    controller.start()

The client's address, HELO and the reverse-path are those of the connection, so that SPF is
checked; a client that authenticated (SMTP AUTH) hands in mail of its own, and it is not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection
from ipaddress import ip_address
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from avowal.authres import forged
from avowal.calls.authenticate import aauthenticate
from avowal.calls.verdict import accepted
from avowal.examine.authentication import Authentication
from avowal.examine.judgement import Authenticity, Judgement
from avowal.examine.judgement_rows import judge
from avowal.lookup import AsyncResolver
from avowal.message import CRLF, split
from avowal.text import printable

LOGGER: Final = logging.getLogger("avowal.contrib.aiosmtpd")
TAKEN: Final = "250 2.0.0 OK"
# RFC 7372 §3.3: several checks failed; RFC 3463 §3.5: a server of the directory does not answer.
_REFUSED: Final = "550 5.7.26"
_LATER: Final = "451 4.4.3"
_TOO_LARGE: Final = "552 5.3.4 the header is larger than is read"
_FAILED: Final = "451 4.3.0 the message could not be worked on: try again"
_NONE: Final[tuple[str, ...]] = ()

Take = Callable[[Envelope, Judgement], Awaitable[str | None]]
"""Takes a message; returns the SMTP reply, None for 250."""


class JudgingHandler:
    """Judges each message, and hands it on to `take` with its judgement.

    With `refuse` a message that is NOT_AUTHENTIC is refused (550), and one that cannot be told
    for now, because DNS does not answer, is put off (451): the client sends it again.  What
    cannot be told for good always goes on to `take`.

    With `authserv_id`, the name of this host, the message gets its Authentication-Results
    field, and those that claim to be from this host go (RFC 8601 §5); a message whose header
    is too large for that is refused (552).

    The rest is as of `avowal.verdict`.  What `take` raises is logged, and the client told to
    try again.
    """

    def __init__(
        self,
        take: Take,
        *,
        authserv_id: str | None = None,
        refuse: bool = False,
        resolver: AsyncResolver | None = None,
        accept_trusted_arc: Collection[str] = _NONE,
        accept_spf: bool = False,
        accept_unsigned: Collection[str] = _NONE,
        max_age: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._take = take
        self._authserv_id = authserv_id
        self._refuse = refuse
        self._resolver = resolver
        self._clock = clock
        self._sealers, self._spf = accept_trusted_arc, accept_spf
        self._unsigned, self._max_age = accept_unsigned, max_age
        accepted(self._sealers, self._spf, self._unsigned, self._max_age, ())  # UsageError now

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Judge the message of a transaction."""
        octets = envelope.original_content or b""
        now = int(self._clock())
        client = client_of(session)
        found = await aauthenticate(
            octets,
            self._resolver,
            client=client,
            mail_from=None if client is None else envelope.mail_from or "",
            helo=None if client is None else session.host_name or "",
            now=now,
            line_ends="wire",
        )
        recipients = tuple(envelope.rcpt_tos)
        accepting = accepted(self._sealers, self._spf, self._unsigned, self._max_age, recipients)
        judgement = judge(found.header, found.findings, accepting, now=now)
        if self._refuse and judgement.answer is Authenticity.NOT_AUTHENTIC:
            return _reply(_REFUSED, judgement)
        if self._refuse and judgement.temporary:
            return _reply(_LATER, judgement)
        if self._authserv_id is not None:
            if found.header.beyond is not None:
                return _TOO_LARGE
            envelope.original_content = tagged(octets, found, self._authserv_id)
            if isinstance(envelope.content, bytes):
                envelope.content = envelope.original_content
        return await self._take(envelope, judgement) or TAKEN

    async def handle_exception(self, error: Exception) -> str:
        """Let the client keep a message that could not be worked on."""
        LOGGER.error("a message could not be worked on", exc_info=error)
        return _FAILED


class JudgingController(Controller):
    """An SMTP server in a thread of its own, whose messages are judged.

    It listens on the loopback interface unless `hostname` says otherwise, takes
    internationalized mail, and tells no version.
    """

    def __init__(
        self, handler: JudgingHandler, *, hostname: str = "127.0.0.1", port: int = 8025
    ) -> None:
        super().__init__(
            handler, hostname, port, enable_SMTPUTF8=True, decode_data=False, ident="ESMTP"
        )


def client_of(session: Session) -> str | None:
    """Return the address SPF is checked for; None where the connection proves nothing.

    Behind a proxy (PROXY protocol) that is the client the proxy saw.
    """
    if session.authenticated:
        return None
    proxied = session.proxy_data
    peer: object = session.peer  # of a TCP connection: address and port, whatever its type says
    seen = peer[0] if isinstance(peer, tuple) and peer else None
    shown = seen if proxied is None else proxied.src_addr
    try:
        return str(ip_address(str(shown)))
    except ValueError:
        return None  # a unix socket, a proxy that does not know


def tagged(octets: bytes, found: Authentication, authserv_id: str) -> bytes:
    """Return a message with the results of this host on top, and none that claim to be."""
    _, body = split(octets)
    raws = list(found.header.raws)
    for forgery in reversed(forged(found.header, (authserv_id,))):
        del raws[forgery.place]
    field = found.results_field(authserv_id)
    return field + b"".join(raw + CRLF for raw in raws) + CRLF + body


def _reply(code: str, judgement: Judgement) -> str:
    """Say why, within a line of SMTP (RFC 5321 §4.5.3.1.5)."""
    return f"{code} {printable(judgement.explanation, ascii_only=True)[:400]}"
