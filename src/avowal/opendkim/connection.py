"""One milter connection of `avowal-opendkim`: the session's events, the filter's verdicts.

What is answered when is OpenDKIM's: PeerList at the connection, everything that needs no
body at the end of the header, the rest at the end of the message.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from avowal.agenda import Rank, Slot
from avowal.errors import PeerError, UsageError
from avowal.lookup import AsyncResolver
from avowal.message import Header
from avowal.milter.actions import NEEDED
from avowal.milter.events import EndOfMessage, Event, HeaderEnd, SessionLimits
from avowal.milter.inquiry import Inquiry
from avowal.milter.negotiation import ActionFlags, ProtocolFlags, Stage, Wish
from avowal.milter.packets import (
    Abort,
    Body,
    Connect,
    Helo,
    Mail,
    Modification,
    PlainAnswer,
    Quit,
    QuitNewConnection,
)
from avowal.milter.session import FilterSession
from avowal.milter.states import State
from avowal.opendkim.envelope import Envelope, bare_address
from avowal.opendkim.filtering import Filtering, OpendkimGeneration
from avowal.opendkim.journal import Line, LogLevel, line
from avowal.opendkim.settings import Settings
from avowal.opendkim.verdict import Mail as OutgoingMail
from avowal.opendkim.verdict import OpendkimVerdict
from avowal.opendkim.verification import limits_of

_PROGRESS_SECONDS = 8.0  # below Sendmail's 10 s between two reads
_DNS_SECONDS = 5  # OpenDKIM's default of DNSTimeout
_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux


class Log(Protocol):
    """Takes the lines of messages."""

    def write(self, line: Line, /) -> None: ...


class Shadow(Protocol):
    """Compares what would be done with what another filter did; in shadow mode only."""

    def signing_time(self, header: Header, now: int, /) -> int: ...

    def compare(
        self, filtering: Filtering, verdict: OpendkimVerdict, envelope: Envelope, /
    ) -> None: ...


@dataclass(slots=True, kw_only=True)
class Service:
    """What all connections share; a reload replaces `generation`."""

    generation: OpendkimGeneration
    resolver: AsyncResolver
    log: Log
    send: Callable[[Sequence[OutgoingMail]], Awaitable[None]]
    now: Callable[[], int] = lambda: int(time.time())
    shadow: Shadow | None = None
    finishing: bool = False
    open: set[Connection] = field(default_factory=set)
    on_empty: Callable[[], None] = lambda: None


def wish_of(settings: Settings) -> Wish:
    """Return what is asked of the MTA: answers only where one may be other than CONTINUE."""
    likes = ActionFlags.CHANGE_HEADERS | ActionFlags.QUARANTINE
    if settings.text("RedirectFailuresTo") is not None:
        likes |= ActionFlags.ADD_RECIPIENTS | ActionFlags.DELETE_RECIPIENTS
    macros = ("j", "daemon_name", "i", "auth_type", *(name for name, _ in settings.macros))
    sender = settings.text("SenderMacro")
    names = (*macros, sender) if sender is not None else macros
    stages: Mapping[Stage, tuple[str, ...]] = {
        stage: tuple(dict.fromkeys(names))
        for stage in (Stage.CONNECT, Stage.MAIL, Stage.RECIPIENT, Stage.END_OF_HEADER)
    } | {Stage.END_OF_BODY: ("i",)}
    return Wish(
        likes=likes,
        protocol=(
            ProtocolFlags.NO_HELO
            | ProtocolFlags.NO_UNKNOWN
            | ProtocolFlags.NO_DATA
            | ProtocolFlags.SKIP
            | ProtocolFlags.LEADING_SPACE
            | ProtocolFlags.SILENT_MAIL
            | ProtocolFlags.SILENT_RECIPIENT
            | ProtocolFlags.SILENT_HEADERS
        ),
        macros=stages,
        exact_octets=False,
    )  # fmt: skip


class Connection(asyncio.Protocol):
    """Serves one MTA connection."""

    def __init__(self, service: Service, sock: socket.socket) -> None:
        self._service = service
        self._generation = service.generation
        settings = self._generation.settings
        self._socket = sock if sock.family != socket.AF_UNIX and _QUICKACK is not None else None
        limits = limits_of(settings)
        kept = SessionLimits(header_octets=limits.header_octets, header_fields=limits.header_fields)
        self._session = FilterSession(wish_of(settings), limits=kept)
        self._transport: asyncio.Transport | None = None
        self._message: Filtering | None = None
        self._envelope = Envelope()
        self._inquiry: Inquiry | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    # -- what the event loop says ------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream socket
        self._transport = transport
        self._service.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._service.open.discard(self)
        if not self._service.open:
            self._service.on_empty()

    def data_received(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)  # type: ignore[arg-type] # not None
        self._session.receive(data)
        self._guarded(self._advance)

    def _advance(self) -> None:
        while (event := self._session.next_event()) is not None:
            _ON.get(type(event), Connection._on_other)(self, event)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run one step; whatever goes wrong, the MTA gets an answer or an end."""
        try:
            step()
        except PeerError as fault:
            self._say(LogLevel.WARNING, str(fault))
            self.close()
            return
        except Exception as error:  # noqa: BLE001 - the last resort of a face (design.md §6)
            self._say(LogLevel.ERROR, f"{self._envelope.job}: program error: {error!r}")
            self._fail()
        self._flush()

    def _flush(self) -> None:
        octets = self._session.outgoing()
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)
        if self._service.finishing and not self.in_message:
            self.close()

    # -- events --------------------------------------------------------------------------

    def _on_other(self, event: Event) -> None:
        self._session.proceed()

    def _on_connect(self, event: Connect) -> None:
        self._generation = self._service.generation
        if self._session.owed and not self._generation.admits(self._told()):
            self._session.answer(PlainAnswer.ACCEPT)
        else:
            self._session.proceed()

    def _on_anew(self, event: Event) -> None:
        self._forget()
        self._session.proceed()

    def _on_quit(self, event: Quit) -> None:
        self._forget()
        self.close()

    def _on_header(self, event: HeaderEnd) -> None:
        self._forget()
        service = self._service
        self._generation = service.generation
        self._envelope = self._told()
        now = service.now()
        message = self._message = Filtering(
            self._generation,
            self._envelope,
            event.header,
            now=now if service.shadow is None else service.shadow.signing_time(event.header, now),
            draw=random.randrange(100),  # noqa: S311 - a sample, not a secret (RFC 6651 §3.3)
        )
        if message.early is not None and self._session.owed and service.shadow is None:
            self._conclude(message.early)
            return
        if message.early is None:
            self._inquiry = Inquiry(message.agenda, service.resolver, self._dns_seconds)
        self._session.proceed()

    def _on_body(self, event: Body) -> None:
        message = self._message
        wanted = message is not None and message.early is None and message.feed(event.chunk)
        if not wanted and self._session.owed and self._session.may_skip:
            self._session.answer(PlainAnswer.SKIP)
        else:
            self._session.proceed()

    def _on_end(self, event: EndOfMessage) -> None:
        message, inquiry = self._message, self._inquiry
        if message is None:  # the session gives a header before every end
            raise PeerError("the end of a message that never began")
        if message.early is not None:
            self._conclude(message.early)
        elif inquiry is None or inquiry.done:
            self._judge(message, inquiry)
        else:
            self._ask_patience_later()
            inquiry.when_done(lambda: self._guarded(lambda: self._judge(message, inquiry)))

    # -- the end of a message --------------------------------------------------------------

    def _judge(self, message: Filtering, inquiry: Inquiry | None) -> None:
        """All keys are there: judge, which may take one more round of questions."""
        if message is not self._message:
            return
        if inquiry is not None and inquiry.failed is not None:
            raise inquiry.failed
        slot = message.agenda.add(message.finish(), Rank.POLICY)
        if inquiry is None or slot.done:
            self._conclude(slot.value)
            return
        inquiry.go_on()
        self._ask_patience_later()
        inquiry.when_done(lambda: self._guarded(lambda: self._judged(message, inquiry, slot)))

    def _judged(self, message: Filtering, inquiry: Inquiry, slot: Slot[OpendkimVerdict]) -> None:
        if message is not self._message:
            return
        if inquiry.failed is not None:
            raise inquiry.failed
        self._conclude(slot.value)

    def _conclude(self, verdict: OpendkimVerdict) -> None:
        """Answer; reports leave first, so that the signer has them when the mail is through."""
        if not verdict.mails or self._service.shadow is not None:
            self._answer(verdict)
            return
        message = self._message
        self._ask_patience_later()
        task = self._task = asyncio.get_running_loop().create_task(self._send(verdict))

        def sent(_: asyncio.Task[None]) -> None:
            if message is self._message:
                self._guarded(lambda: self._answer(verdict))

        task.add_done_callback(sent)

    async def _send(self, verdict: OpendkimVerdict) -> None:
        await self._service.send(verdict.mails)

    def _answer(self, verdict: OpendkimVerdict) -> None:
        message, service, session = self._message, self._service, self._session
        if service.shadow is not None and message is not None:
            service.shadow.compare(message, verdict, self._envelope)
            session.answer(PlainAnswer.ACCEPT)
        else:
            # As OpenDKIM does, though an MTA forgets the changes to a message it refuses.
            at_end = session.state is State.ENDED
            modifications = self._permitted(verdict) if at_end else ()
            session.answer(verdict.answer, modifications, refused_too=True)
            for line in message.journal.lines if message is not None else ():
                service.log.write(line)
        self._forget()

    def _permitted(self, verdict: OpendkimVerdict) -> list[Modification]:
        """Return the modifications that the MTA takes."""
        agreement = self._session.agreement
        if agreement is None:
            return []
        return [m for m in verdict.modifications if NEEDED[type(m)] in agreement.actions]

    def _fail(self) -> None:
        """Answer as On-InternalError says, or hang up."""
        session = self._session
        self._forget()
        if not session.owed:
            self.close()
            return
        action = self._generation.settings.actions["On-InternalError"]
        try:
            session.answer(_PLAIN.get(action, PlainAnswer.TEMPFAIL))
        except UsageError:
            self.close()

    # -- odds and ends -----------------------------------------------------------------------

    def _told(self) -> Envelope:
        """Gather what the MTA said so far."""
        session = self._session
        connection, sender = session.connection, session.sender
        recipients = session.recipients
        address = connection.address if connection is not None else None
        return Envelope(
            client_name=_text(connection.hostname).lower() if connection is not None else None,
            client=None if address is None else _bare(_text(address)),
            sender="" if sender is None else bare_address(sender.address),
            recipients=tuple(bare_address(recipient.address) for recipient in recipients),
            raw_recipients=tuple(recipient.address for recipient in recipients),
            macros={name.strip("{}"): value for name, value in session.macros.items()},
        )

    @property
    def _dns_seconds(self) -> int:
        return self._generation.settings.conf.integer("DNSTimeout", _DNS_SECONDS) or _DNS_SECONDS

    def _ask_patience_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_PROGRESS_SECONDS, self._ask_patience)

    def _ask_patience(self) -> None:
        self._session.progress()
        self._flush()
        self._ask_patience_later()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._inquiry is not None:
            self._inquiry.give_up()
            self._inquiry = None
        self._message = None

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and has no answer yet."""
        return self._session.sender is not None or self._message is not None

    def close(self) -> None:
        """Close after what was written is sent."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _say(self, level: LogLevel, text: str) -> None:
        if self._generation.detail.any:
            self._service.log.write(line(level, text))


_PLAIN: Final = {
    "accept": PlainAnswer.ACCEPT, "quarantine": PlainAnswer.ACCEPT,
    "discard": PlainAnswer.DISCARD, "reject": PlainAnswer.REJECT,
    "tempfail": PlainAnswer.TEMPFAIL,
}  # fmt: skip
_ON: Final[dict[type[object], Callable[[Connection, Any], None]]] = {
    Connect: Connection._on_connect,
    Abort: Connection._on_anew,
    Mail: Connection._on_anew,
    Helo: Connection._on_anew,
    QuitNewConnection: Connection._on_anew,
    HeaderEnd: Connection._on_header,
    Body: Connection._on_body,
    EndOfMessage: Connection._on_end,
    Quit: Connection._on_quit,
}


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _bare(address: str) -> str:
    return address[5:] if address[:5].lower() == "ipv6:" else address
