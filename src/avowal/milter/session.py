"""The filter's end of a milter connection, without I/O: octets in, events out, answers back.

::

    session = FilterSession(wish)
    session.receive(octets)                      # what the socket gave
    while (event := session.next_event()) is not None:
        ...                                      # look at it; where `session.owed`, one of
        session.proceed()                        #   go on
        session.answer(PlainAnswer.ACCEPT, modifications)
    write(session.outgoing())                    # everything owed, in one write

Header fields are gathered here and come as one event at the end of the header, and their
answers, where the MTA wants any, are given here: a DKIM filter decides nothing by a single
field.  Body chunks are passed on as they come.

Rules this file keeps:

- An event that wants an answer gets exactly one; until then the MTA may only abort or quit.
- Modifications go out after the end of the body and before the final answer, with it.
- Nothing of a message outlives its final answer, ABORT, a new MAIL or a new HELO.  Sendmail
  sends no ABORT after RSET, Postfix sends one after each message and two before QUIT.
- A stranger's quantities are bounded by `SessionLimits`.

The contract: for any octets and any cut of them the events are the same, and nothing but
PeerError is raised by `receive` and `next_event`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, cast

from avowal.errors import PeerError, StateError
from avowal.milter.actions import check, modify
from avowal.milter.codec import decode, encode, name_of, read_options
from avowal.milter.events import EndOfMessage, Event, HeaderEnd, Negotiated, SessionLimits
from avowal.milter.header import Gatherer
from avowal.milter.macros import Macros
from avowal.milter.negotiation import Agreement, ProtocolFlags, Wish, negotiate
from avowal.milter.packets import (
    Abort,
    Answer,
    Body,
    Connect,
    Data,
    Helo,
    Mail,
    Modification,
    PlainAnswer,
    Quit,
    QuitNewConnection,
    Recipient,
    ReplyCode,
    UnknownCommand,
)
from avowal.milter.states import UNNEGOTIATED, Row, State, table
from avowal.milter.wire import Decoder, Frame

_L: Final = ord("L")
_B: Final = ord("B")
_E: Final = ord("E")
_CONTINUE: Final = encode(PlainAnswer.CONTINUE)
_INTERRUPTS: Final = frozenset(b"AQK")
_REFUSALS: Final = frozenset({PlainAnswer.REJECT, PlainAnswer.TEMPFAIL})


class FilterSession:
    """One milter connection as a filter sees it.

    `agreement`, `state`, `macros`, `connection`, `helo`, `sender` and `recipients` may be
    read at any time; `recipients` holds those not refused by anyone, at most the limit.
    """

    def __init__(self, wish: Wish | None = None, *, limits: SessionLimits | None = None) -> None:
        self._wish = wish or Wish()
        self._limits = limits or SessionLimits()
        self._decoder = Decoder(packet_octets=self._limits.packet_octets)
        self._frames: Sequence[Frame] = ()
        self._at = 0  # the first frame that was not looked at
        self._pieces: deque[bytes] = deque()  # octets that were not cut into frames
        self._broken: PeerError | None = None
        self._events: deque[tuple[Event, int]] = deque()
        self._out: list[bytes] = []
        self._table: dict[State, Row] = UNNEGOTIATED
        self._exact = False
        self._answered: frozenset[int] = frozenset()
        self._silent_fields = False
        self.agreement: Agreement | None = None
        self.state = State.NEW
        self.owed = 0
        """The command octet of the event that waits for an answer, or 0."""
        self.macros = Macros(octets=self._limits.macro_octets, count=self._limits.macros)
        self._gatherer = Gatherer(self._limits, exact=False)
        self._gathering = False  # whether it has taken anything
        self._header_over = self._skipping = self._kept = False
        self.connection: Connect | None = None
        self.helo: bytes | None = None
        self.sender: Mail | None = None
        self._forget_message()

    # -- octets in, events out ---------------------------------------------------------

    def receive(self, octets: bytes) -> None:
        """Take octets the MTA sent."""
        self._pieces.append(octets)

    def next_event(self) -> Event | None:
        """Return the next event, or None until more octets come.

        Raises PeerError for what the protocol forbids; the connection is of no use then.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return self._next()
        except PeerError as fault:
            self._broken = fault
            raise

    def _next(self) -> Event | None:
        while not self._events:
            if self._at == len(self._frames):
                self._frames, self._at = (), 0
                if not (self._pieces or self._decoder.spoiled):
                    return None
                self._frames = self._decoder.feed(self._pieces.popleft() if self._pieces else b"")
                continue
            command, payload = self._frames[self._at]
            self._at += 1
            self._accept(command, payload)
        event, self.owed = self._events.popleft()
        return event

    def _accept(self, command: int, payload: bytes) -> None:
        if self.owed and command not in _INTERRUPTS:
            raise PeerError(
                f"the MTA sent {name_of(command)} before the answer to {name_of(self.owed)}"
            )
        after = self._table[self.state].get(command)
        if after is None:
            raise PeerError(f"the MTA sent {name_of(command)} in state {self.state.name}")
        if after < self.state:
            self._forget_message()
        self.state = after
        _TAKE[command](self, command, payload)

    def _emit(self, event: Event, command: int = 0) -> None:
        self._events.append((event, command if command in self._answered else 0))

    # -- what each command does ----------------------------------------------------------

    def _take_options(self, command: int, payload: bytes) -> None:
        agreement = self.agreement = negotiate(read_options(payload), self._wish)
        self._table = table(agreement)
        self._exact = agreement.exact_octets
        self._answered = agreement.answered
        self._silent_fields = _L not in self._answered
        self._gatherer = Gatherer(self._limits, exact=agreement.exact_octets)
        self._out.append(encode(agreement.options))
        self._emit(Negotiated(agreement))

    def _take_macros(self, command: int, payload: bytes) -> None:
        if self.macros.define(payload) == ord("M"):
            self._forget_message()

    def _take_plain(self, command: int, payload: bytes) -> None:
        """Take a command that is its own event."""
        self.macros.reach(command)
        event = cast(
            Connect | Helo | Mail | Recipient | Data | UnknownCommand, decode(command, payload)
        )
        if isinstance(event, Connect):
            self.connection = event
        elif isinstance(event, Helo):
            self.helo = event.name
            self._forget_message()
        elif isinstance(event, Mail):
            self._forget_message()
            self.sender = event
        elif isinstance(event, Recipient):
            self._keep(event, len(payload))
        self._emit(event, command)

    def _keep(self, recipient: Recipient, octets: int) -> None:
        # With REFUSED_RECIPIENTS those the MTA refuses come too, marked by this macro.
        self._kept = self.macros.get("rcpt_mailer") != b"error"
        most, room = self._limits.recipients, self._limits.recipient_octets - octets
        if self._kept and (len(self.recipients) >= most or self._recipient_octets > room):
            self.recipients_truncated = True
            self._kept = False
        if self._kept:
            self.recipients.append(recipient)
            self._recipient_octets += octets

    def _take_fields(self, command: int, payload: bytes) -> None:
        """Take a field and those that came with it: most packets of a message."""
        first, self._gathering = self._at - 1, True
        self._at = self._gatherer.take(self._frames, first)
        if not self._silent_fields:
            self._out.append(_CONTINUE * (self._at - first))

    def _take_end_of_header(self, command: int, payload: bytes) -> None:
        self.macros.reach(command)
        self._end_header(command)

    def _end_header(self, command: int) -> None:
        if self._header_over:
            return
        self._header_over = True
        self._emit(HeaderEnd(self._gatherer.header()), command)

    def _take_body(self, command: int, payload: bytes) -> None:
        self._end_header(0)
        if self._skipping:
            # The filter said SKIP and the MTA sends on: harmless, and answered.
            if _B in self._answered:
                self._out.append(_CONTINUE)
            return
        self._emit(Body(payload), command)

    def _take_end_of_body(self, command: int, payload: bytes) -> None:
        self.macros.reach(command)
        self._end_header(0)
        if payload and not self._skipping:
            self._emit(Body(payload))  # answered with the end, not by itself
        self._emit(EndOfMessage(), command)

    def _take_abort(self, command: int, payload: bytes) -> None:
        self._forget_message()
        self.macros.end_message()
        self._emit(Abort())

    def _take_quit(self, command: int, payload: bytes) -> None:
        self._forget_message()
        self._emit(Quit())

    def _take_new_connection(self, command: int, payload: bytes) -> None:
        self._forget_message()
        self.macros.clear()
        self.connection = None
        self.helo = None
        self._emit(QuitNewConnection())

    def _forget_message(self) -> None:
        if self._gathering:
            self._gatherer = Gatherer(self._limits, exact=self._exact)
            self._gathering = False
        self._header_over = self._skipping = self._kept = False
        self.sender = None
        self.recipients: list[Recipient] = []
        self._recipient_octets = 0
        self.recipients_truncated = False

    @property
    def held_octets(self) -> int:
        """How many octets are kept of a message and packet that have not ended."""
        message = self._gatherer.octets + self._recipient_octets
        return self._decoder.held_octets + sum(map(len, self._pieces)) + message

    @property
    def may_skip(self) -> bool:
        """Whether SKIP would be an answer: to a chunk of body, where it was agreed."""
        agreed = self.agreement is not None and ProtocolFlags.SKIP in self.agreement.protocol
        return agreed and self.owed == _B

    # -- answers -------------------------------------------------------------------------

    def proceed(self) -> None:
        """Let the MTA go on: an answer where one is owed, nothing where none is."""
        if self.owed:
            self.answer(PlainAnswer.CONTINUE)

    def progress(self) -> None:
        """Ask for patience: restarts the MTA's timer while the final answer is made."""
        if self.owed != _E:
            raise StateError("progress is for the time between end of message and answer")
        self._out.append(encode(PlainAnswer.PROGRESS))

    def answer(
        self,
        answer: Answer,
        modifications: Sequence[Modification] = (),
        *,
        refused_too: bool = False,
    ) -> None:
        """Answer the last event, modifications first, in the order `actions.arrange` gives.

        Raises StateError where no answer is owed, UsageError for an answer that does not
        fit the event or was not agreed.
        """
        command, agreement = self.owed, self.agreement
        if not command or agreement is None:
            raise StateError("the MTA waits for no answer")
        check(agreement, command, answer)
        if modifications:
            self._out.extend(
                modify(agreement, command, answer, modifications, refused_too=refused_too)
            )
        self._out.append(encode(answer))
        self.owed = 0
        self._settle(command, answer)

    def _settle(self, command: int, answer: Answer) -> None:
        """Draw the consequences of an answer for the message and the connection."""
        refused = isinstance(answer, ReplyCode) or answer in _REFUSALS
        if command == ord("R") and refused:
            if self._kept:
                self.recipients.pop()
                self._kept = False
        elif answer is PlainAnswer.SKIP:
            self._skipping = True
        elif command == _E or (command in b"MRTNB" and answer is not PlainAnswer.CONTINUE):
            self.state = State.READY
            self._forget_message()
            self.macros.end_message()

    def outgoing(self) -> bytes:
        """Return, once, all octets to write to the MTA by now."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets


_TAKE: Final[dict[int, Callable[[FilterSession, int, bytes], None]]] = {
    ord("O"): FilterSession._take_options,
    ord("D"): FilterSession._take_macros,
    ord("C"): FilterSession._take_plain,
    ord("H"): FilterSession._take_plain,
    ord("M"): FilterSession._take_plain,
    ord("R"): FilterSession._take_plain,
    ord("T"): FilterSession._take_plain,
    ord("U"): FilterSession._take_plain,
    _L: FilterSession._take_fields,
    ord("N"): FilterSession._take_end_of_header,
    _B: FilterSession._take_body,
    _E: FilterSession._take_end_of_body,
    ord("A"): FilterSession._take_abort,
    ord("Q"): FilterSession._take_quit,
    ord("K"): FilterSession._take_new_connection,
}
