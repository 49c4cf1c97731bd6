"""The filter that the milter service of `avowal-opendkim` serves.

What is answered when is OpenDKIM's: PeerList at the connection, everything that needs no
body at the end of the header, the rest at the end of the message, reports first.  Sockets,
waiting, limits and ends are `avowal.milter`'s.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from avowal.agenda import Agenda
from avowal.config.model import Role
from avowal.flow.failures import FailedMessage, KeptBody
from avowal.lookup import Steps
from avowal.message import Header
from avowal.milter.actions import NEEDED, parts
from avowal.milter.durations import Durations
from avowal.milter.events import HeaderEnd, SessionLimits
from avowal.milter.explaining import Explaining, fields
from avowal.milter.negotiation import ActionFlags, ProtocolFlags, Stage, Wish, later
from avowal.milter.packets import Answer, InsertHeader, Modification, PlainAnswer
from avowal.milter.service import MilterVerdict
from avowal.milter.session import FilterSession
from avowal.opendkim import explaining
from avowal.opendkim.envelope import Envelope, bare_address
from avowal.opendkim.events import event_of_verdict
from avowal.opendkim.filtering import Filtering, OpendkimGeneration
from avowal.opendkim.journal import Log
from avowal.opendkim.receiver import limits_of
from avowal.opendkim.settings import Settings
from avowal.opendkim.verdict import Mail, OpendkimVerdict
from avowal.report.recorder import Recorder

_DNS_SECONDS = 5  # OpenDKIM's default of DNSTimeout
_ANSWERED: Final = (
    ProtocolFlags.NO_HELO
    | ProtocolFlags.NO_UNKNOWN
    | ProtocolFlags.NO_DATA
    | ProtocolFlags.SKIP
    | ProtocolFlags.LEADING_SPACE
    | ProtocolFlags.SILENT_MAIL
    | ProtocolFlags.SILENT_RECIPIENT
    | ProtocolFlags.SILENT_HEADERS
)


class Shadow(Protocol):
    """Compares what would be done with what another filter did; in shadow mode only."""

    def signing_time(self, header: Header, now: int, /) -> int: ...

    def compare(
        self, filtering: Filtering, verdict: OpendkimVerdict, envelope: Envelope, /
    ) -> None: ...


@dataclass(slots=True, kw_only=True)
class OpendkimFilter:
    """Does what OpenDKIM does; a reload replaces `generation` and `send`."""

    generation: OpendkimGeneration
    log: Log
    send: Callable[[Sequence[Mail]], Awaitable[None]]
    now: Callable[[], int] = lambda: int(time.time())
    shadow: Shadow | None = None
    recorder: Recorder | None = None
    explaining: Explaining | None = None

    @property
    def wish(self) -> Wish:
        """What to negotiate with the MTA."""
        return wish_of(self.generation.settings)

    def connected(self, session: FilterSession, /) -> Answer | None:
        """Let peers alone (PeerList)."""
        return None if self.generation.admits(envelope_of(session)) else PlainAnswer.ACCEPT

    def begin(self, session: FilterSession, event: HeaderEnd, role: Role, /) -> OpendkimJob:
        """Take a message whose header has come."""
        now, shadow = self.now(), self.shadow
        envelope = envelope_of(session)
        filtering = Filtering(
            self.generation,
            envelope,
            event.header,
            now=now if shadow is None else shadow.signing_time(event.header, now),
            draw=random.randrange(100),  # noqa: S311 - a sample, not a secret (RFC 6651 §3.3)
        )
        return OpendkimJob(self, session, envelope, filtering)

    def failure(self, session: FilterSession, role: Role, why: str, /) -> MilterVerdict:
        """Answer as On-InternalError says."""
        action = self.generation.settings.actions["On-InternalError"]
        return MilterVerdict(_PLAIN.get(action, PlainAnswer.TEMPFAIL))


class OpendkimJob:
    """One message on its way through the filter."""

    __slots__ = ("_envelope", "_filter", "_filtering", "_kept", "_session")

    def __init__(
        self,
        filter_: OpendkimFilter,
        session: FilterSession,
        envelope: Envelope,
        filtering: Filtering,
    ) -> None:
        self._filter = filter_
        self._session = session
        self._envelope = envelope
        self._filtering = filtering
        self._kept: KeptBody | None = None
        if filter_.explaining is not None and filter_.shadow is None:
            self._kept = explaining.kept_body(filtering, filter_.explaining.room)

    @property
    def agenda(self) -> Agenda:
        """The questions to DNS."""
        return self._filtering.agenda

    @property
    def early(self) -> MilterVerdict | None:
        """What is answered at the end of the header; a shadow waits for the end."""
        verdict = self._filtering.early
        if verdict is None or self._filter.shadow is not None:
            return None
        if verdict.answer is PlainAnswer.ACCEPT and self._forged:
            return None  # which an MTA takes out at the end of the message only
        return self._said(verdict)

    def feed(self, chunk: bytes, /) -> bool:
        """Take octets of the body; return whether more of them matter."""
        wanted, kept = self._filtering.feed(chunk), self._kept
        if kept is None:
            return wanted
        kept.feed(chunk)
        return wanted or kept.whole

    def finish(self) -> Steps[MilterVerdict]:
        """Conclude; may ask once more."""
        verdict = yield from self._filtering.finish()
        shadow = self._filter.shadow
        if shadow is not None:
            return MilterVerdict(
                PlainAnswer.ACCEPT,
                answered=lambda _: shadow.compare(self._filtering, verdict, self._envelope),
            )
        said = self._said(verdict)
        failed = self._waits(verdict)
        if not verdict.mails and failed is None:
            return said

        async def before() -> MilterVerdict:
            # Reports leave first, so that the signer has them when the mail is through.
            if verdict.mails:
                await self._filter.send(verdict.mails)
            return said if failed is None else await self._explained(verdict, failed)

        return said._replace(before=before)

    @property
    def _forged(self) -> tuple[Modification, ...]:
        """The deletions of fields of an explanation that this host did not write."""
        explaining_ = self._filter.explaining
        name = None if explaining_ is None else explaining_.options.field
        return explaining.forged(self._filtering, name)

    def _waits(self, verdict: OpendkimVerdict) -> FailedMessage | None:
        """Return a message that is told what was found of it."""
        explaining_ = self._filter.explaining
        if explaining_ is None or explaining_.options.field is None or not explaining_.explains:
            return None
        if verdict.answer is not PlainAnswer.ACCEPT:
            return None
        return self._failed()

    def _failed(self) -> FailedMessage | None:
        """Return the message once, when it failed."""
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        return explaining.failed(self._filtering, kept, now=self._filter.now())

    async def _explained(self, verdict: OpendkimVerdict, failed: FailedMessage) -> MilterVerdict:
        """Wait for what is found, so long, and write it into the message."""
        explaining_ = self._filter.explaining
        if explaining_ is None or explaining_.options.field is None:
            return self._said(verdict)
        options, queue_id = explaining_.options, self._envelope.macro("i")
        found = await explaining_.found(failed, queue_id, options.wait / 1000)
        told = fields(explaining_.options.field, found) if found else ()
        inserted = tuple(InsertHeader(0, *parts(field.raw)) for field in told)
        return self._said(replace(verdict, modifications=(*verdict.modifications, *inserted)))

    def _said(self, verdict: OpendkimVerdict) -> MilterVerdict:
        verdict = replace(verdict, modifications=(*self._forged, *verdict.modifications))
        return MilterVerdict(
            verdict.answer,
            tuple(self._permitted(verdict)),
            partial(self._told, verdict),
            # As OpenDKIM does, though an MTA forgets the changes to a message it refuses.
            refused_too=True,
        )

    def _permitted(self, verdict: OpendkimVerdict) -> list[Modification]:
        """Return the modifications that the MTA takes."""
        agreement = self._session.agreement
        if agreement is None:
            return []
        return [m for m in verdict.modifications if NEEDED[type(m)] in agreement.actions]

    def _told(self, verdict: OpendkimVerdict, times: Durations) -> None:
        for line in self._filtering.journal.lines:
            self._filter.log.write(line)
        now = self._filter.now()
        if self._filter.explaining is not None:
            failed = self._failed()
            if failed is not None:
                self._filter.explaining.take(failed, self._envelope.macro("i"))
        recorder = self._filter.recorder
        if recorder is not None:
            recorder.take(event_of_verdict(self._filtering, self._envelope, verdict, now=now))


def wish_of(settings: Settings) -> Wish:
    """Return what is asked of the MTA: answers only where one may be other than CONTINUE."""
    likes = ActionFlags.CHANGE_HEADERS | ActionFlags.QUARANTINE
    if settings.text("RedirectFailuresTo") is not None:
        likes |= ActionFlags.ADD_RECIPIENTS | ActionFlags.DELETE_RECIPIENTS
    macros = ("j", "daemon_name", "i", "auth_type", *(name for name, _ in settings.macros))
    sender = settings.text("SenderMacro")
    names = (*macros, sender) if sender is not None else macros
    unique = tuple(dict.fromkeys(names))
    stages = dict.fromkeys((Stage.MAIL, Stage.RECIPIENT, Stage.END_OF_HEADER), later(unique))
    return Wish(
        likes=likes,
        protocol=_ANSWERED,
        macros={Stage.CONNECT: unique, **stages, Stage.END_OF_BODY: ("i",)},
        exact_octets=False,
    )


def session_limits_of(settings: Settings) -> SessionLimits:
    """Return how much of a message is kept."""
    limits = limits_of(settings)
    return SessionLimits(header_octets=limits.header_octets, header_fields=limits.header_fields)


def dns_seconds_of(settings: Settings) -> int:
    """Return how long the answers of DNS are waited for (DNSTimeout)."""
    return settings.conf.integer("DNSTimeout", _DNS_SECONDS) or _DNS_SECONDS


def envelope_of(session: FilterSession) -> Envelope:
    """Gather what the MTA said so far."""
    connection, sender = session.connection, session.sender
    recipients = session.recipients
    address = connection.address if connection is not None else None
    return Envelope(
        client_name=_text(connection.hostname).lower() if connection is not None else None,
        client=None if address is None else _bare(_text(address)),
        sender="" if sender is None else bare_address(sender.address),
        recipients=tuple(bare_address(recipient.address) for recipient in recipients),
        raw_recipients=tuple(recipient.address for recipient in recipients),
        more_recipients=session.recipients_truncated,
        macros={name.strip("{}"): value for name, value in session.macros.items()},
    )


_PLAIN: Final = {
    "accept": PlainAnswer.ACCEPT, "quarantine": PlainAnswer.ACCEPT,
    "discard": PlainAnswer.DISCARD, "reject": PlainAnswer.REJECT,
    "tempfail": PlainAnswer.TEMPFAIL,
}  # fmt: skip


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _bare(address: str) -> str:
    return address[5:] if address[:5].lower() == "ipv6:" else address
