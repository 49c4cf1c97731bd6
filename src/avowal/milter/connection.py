"""One milter connection of the daemon: octets of the event loop to the session and back.

The session says what the MTA said, the flow says what to do; what is here is when.  Keys
are asked for when the header ends, while the body still arrives.  Everything owed to the
MTA by the end of a callback goes out in one write.  While DNS or a key keeps us waiting,
the MTA is asked for patience; when our own deadline passes, we answer without them.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from avowal.agenda import Rank
from avowal.config.model import Role
from avowal.errors import PeerError, UsageError
from avowal.lookup import Failure
from avowal.milter.durations import Durations
from avowal.milter.events import EndOfMessage, Event, HeaderEnd
from avowal.milter.inquiry import Inquiry
from avowal.milter.journal import LOGGER
from avowal.milter.mta_transport import MtaTransport
from avowal.milter.packets import (
    Abort,
    Body,
    Connect,
    Helo,
    Mail,
    PlainAnswer,
    Quit,
    QuitNewConnection,
)
from avowal.milter.service import MilterVerdict, Service
from avowal.milter.session import FilterSession
from avowal.milter.states import State
from avowal.milter.underway import Underway, names_of

PROGRESS_SECONDS = 8.0
"""How often the MTA is asked for patience: below Sendmail's 10 s between two reads."""


class Connection(MtaTransport):
    """Serves one MTA connection; `role` is that of the listener it came through."""

    def __init__(self, service: Service, role: Role, sock: socket.socket) -> None:
        super().__init__(sock)
        self._service = service
        self._role = role
        self._session = FilterSession(service.filter.wish, limits=service.session_limits)
        self._message: Underway | None = None
        self._held = 0
        self._negotiated = False
        self.made_at = self.active_at = time.monotonic()

    # -- what the event loop says ------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        service = self._service
        service.open.add(self)
        service.meters.connections(1)
        less = service.admission.come(self, self.made_at)
        if less is not None:
            service.let_go(less, "gave way")
        service.on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_message()
        self._hold(0)
        super().connection_lost(exc)
        self._service.open.discard(self)
        self._service.admission.gone(self)
        self._service.meters.connections(-1)
        self._service.on_room()

    def data_received(self, data: bytes) -> None:
        self.active_at = time.monotonic()
        self.acknowledge_at_once()
        self._session.receive(data)
        self._guarded(self._advance)

    def _advance(self) -> None:
        session = self._session
        while (event := session.next_event()) is not None:
            _ON.get(type(event), Connection._on_other)(self, event)
        if not self._negotiated and session.agreement is not None:
            self._negotiated = True
            self._service.admission.negotiated(self)
        self._hold(session.held_octets)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run one step; whatever goes wrong, the MTA gets an answer or an end."""
        try:
            step()
        except PeerError as fault:
            self._service.meters.peer_error()
            LOGGER.warning("connection closed: %s", fault, extra={"facts": names_of(self._session)})
            self.close()
            return
        except Exception:  # noqa: BLE001 - the last resort of a face: logged, and answered
            LOGGER.exception("program error", extra={"facts": names_of(self._session)})
            self._fail("program error")
        self._flush()

    def _flush(self) -> None:
        self.write(self._session.outgoing())
        if self._service.finishing and not self.in_message:
            self.close()

    # -- events --------------------------------------------------------------------------

    def _on_other(self, event: Event) -> None:
        self._session.proceed()

    def _on_connect(self, event: Connect) -> None:
        answer = self._service.filter.connected(self._session)
        if answer is not None and self._session.owed:
            self._session.answer(answer)
        else:
            self._session.proceed()

    def _on_anew(self, event: Event) -> None:
        self._forget_message()
        self._session.proceed()

    def _on_quit(self, event: Event) -> None:
        self._forget_message()
        self.close()

    def _on_header(self, event: HeaderEnd) -> None:
        self._forget_message()
        service = self._service
        message = self._message = Underway()
        try:
            message.job = service.filter.begin(self._session, event, self._role)
            message.inquiry = Inquiry(message.job.agenda, service.resolver, service.dns_seconds)
        except PeerError:
            raise
        except Exception:  # noqa: BLE001 - the same; answered at the end of the message
            LOGGER.exception("program error", extra={"facts": names_of(self._session)})
            message.fault = "program error"
        early = None if message.job is None else message.job.early
        if early is not None and self._session.owed:
            self._session.answer(early.answer)
            self._told(message, early)
        else:
            self._session.proceed()

    def _on_body(self, event: Body) -> None:
        message = self._message
        wanted = False
        if message is not None and message.job is not None and message.fault is None:
            wanted = message.job.feed(event.chunk)
        session = self._session
        if not wanted and session.owed and session.may_skip:
            session.answer(PlainAnswer.SKIP)
        else:
            session.proceed()

    def _on_end(self, event: EndOfMessage) -> None:
        message = self._message
        if message is None:  # the session gives a header before every end
            raise PeerError("the end of a message that never began")
        message.ended_at = time.monotonic()
        if message.fault is not None:
            self._fail(message.fault)
        else:
            self._conclude(message)

    # -- waiting -------------------------------------------------------------------------

    def _wait(self, message: Underway) -> None:
        message.wait(
            PROGRESS_SECONDS, self._ask_patience,
            self._service.seconds, lambda: self._guarded(lambda: self._too_late(message)),
        )  # fmt: skip

    def _ask_patience(self) -> None:
        self._session.progress()
        self._flush()

    def _too_late(self, message: Underway) -> None:
        """Answer without DNS, which is a temporary error; without a key, which is our fault."""
        if message is not self._message:
            return
        if message.task is not None:
            self._fail("a key did not sign in time")
        elif message.inquiry is not None:
            message.inquiry.give_up(Failure.DEADLINE)
            self._conclude(message)

    # -- the end of a message --------------------------------------------------------------

    def _conclude(self, message: Underway) -> None:
        """Go on to the verdict as far as the answers allow; wait for those that are open."""
        job, inquiry = message.job, message.inquiry
        if message is not self._message or job is None or inquiry is None or message.task:
            return
        if inquiry.failed is not None:
            raise inquiry.failed
        if inquiry.done and message.slot is None:
            message.slot = job.agenda.add(job.finish(), Rank.POLICY)
            inquiry.go_on()
        if message.slot is not None and message.slot.done:
            self._decided(message, message.slot.value)
            return
        self._wait(message)
        inquiry.when_done(lambda: self._guarded(lambda: self._conclude(message)))

    def _decided(self, message: Underway, verdict: MilterVerdict) -> None:
        if verdict.before is None:
            self._carry_out(message, verdict)
            return
        self._wait(message)
        task = self._prepared(message, verdict.before)
        message.task = asyncio.get_running_loop().create_task(task)

    async def _prepared(
        self, message: Underway, before: Callable[[], Awaitable[MilterVerdict]]
    ) -> None:
        try:
            verdict = await before()
        except Exception:  # noqa: BLE001 - the same, in a task
            LOGGER.exception("program error", extra={"facts": names_of(self._session)})
            message.task = None
            self._guarded(lambda: self._fail("program error"))
            return
        message.task = None
        if message is self._message:
            self._guarded(lambda: self._carry_out(message, verdict))

    def _carry_out(self, message: Underway, verdict: MilterVerdict) -> None:
        try:
            self._session.answer(
                verdict.answer, verdict.modifications, refused_too=verdict.refused_too
            )
        except UsageError as fault:  # a field no MTA would take, an action it does not permit
            LOGGER.error(
                "an answer cannot be given: %s", fault, extra={"facts": names_of(self._session)}
            )
            self._fail(str(fault))
            return
        self._told(message, verdict)

    def _fail(self, why: str) -> None:
        """Answer as the operator wants our own faults answered, or hang up."""
        session, message = self._session, self._message
        if not session.owed or message is None or session.state is not State.ENDED:
            self.close()
            return
        verdict = self._service.filter.failure(session, self._role, why)
        try:
            session.answer(verdict.answer, verdict.modifications)
        except UsageError:
            session.answer(PlainAnswer.TEMPFAIL)
        self._told(message, verdict)

    def _told(self, message: Underway, verdict: MilterVerdict) -> None:
        """Nothing of a message is kept once it is answered."""
        dns = None if message.inquiry is None else message.inquiry.seconds
        times = Durations(time.monotonic() - message.ended_at, dns)
        self._forget_message()
        verdict.answered(times)

    def _forget_message(self) -> None:
        if self._message is not None:
            self._message.drop()
            self._message = None

    # -- what the worker wants -------------------------------------------------------------

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and has no answer yet."""
        return self._session.sender is not None or self._message is not None

    def _hold(self, octets: int) -> None:
        change, self._held = octets - self._held, octets
        if not self._service.hold(change):
            raise PeerError("no memory for one more message (server.memory)")


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
