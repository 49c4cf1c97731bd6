"""The MTA's end of a milter connection, without I/O: the load generator and judge of conformance.

::

    mta = MtaSession(flavour=POSTFIX)
    write(mta.opening())
    write(mta.receive(read()))                   # the filter's options; writes nothing yet
    write(mta.submit(transaction))
    while mta.outcome is None:
        write(mta.receive(read()))
    mta.outcome.octets                           # the message as it would leave

It holds the filter to the protocol: PeerError for an answer nobody asked for, for one that
does not fit, for a modification that was not agreed or comes at the wrong time.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

from tests.mta.agreement import accept, body_octets
from tests.mta.spool import POSTFIX, Flavour, Spool

from avowal.errors import PeerError, StateError
from avowal.message import Header
from avowal.milter.actions import FITTING, NEEDED
from avowal.milter.codec import decode, encode, name_of
from avowal.milter.negotiation import ActionFlags, Agreement, ProtocolFlags, Stage
from avowal.milter.packets import (
    Abort,
    Answer,
    Body,
    Command,
    Connect,
    Data,
    Definitions,
    EndOfBody,
    EndOfHeader,
    HeaderField,
    Helo,
    Mail,
    Modification,
    Options,
    Packet,
    PlainAnswer,
    Quit,
    Recipient,
    ReplyCode,
)
from avowal.milter.wire import PACKET_OCTETS, Decoder

_STAGES = dict(zip(b"CHMRTEN", Stage, strict=True))
_REPLY = re.compile(rb"[45][0-9][0-9][ -]")
_CONTINUE = PlainAnswer.CONTINUE
_OFFER = Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL))

_LOCALHOST = Connect(b"localhost", b"4", 1234, b"127.0.0.1")
_ALICE = Mail(b"<alice@sender.example>")
_BOB = Recipient(b"<bob@receiver.example>")
_RECEIVED = HeaderField(b"Received", b" from client.example by mx.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One message as the MTA received it; `macros` are the values by name, with braces."""

    fields: tuple[HeaderField, ...]
    body: bytes
    connection: Connect = _LOCALHOST
    helo: bytes = b"client.example"
    sender: Mail = _ALICE
    recipients: tuple[Recipient, ...] = (_BOB,)
    macros: Mapping[str, bytes] = field(default_factory=lambda: {"i": b"QID1"})
    received: HeaderField = _RECEIVED

    @classmethod
    def of(cls, octets: bytes, **others: object) -> Transaction:
        """Build a transaction from a message in wire form."""
        section, _, body = octets.partition(b"\r\n\r\n")
        fields = tuple(
            HeaderField(f.raw[: f.colon], f.value.replace(b"\r\n", b"\n"))
            for f in Header.parse(section)
        )
        return cls(fields=fields, body=body, **others)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a transaction ended: the answer, the command it answered, what it asks for."""

    answer: Answer
    command: int
    refused: tuple[Recipient, ...] = ()
    modifications: tuple[Modification, ...] = ()
    octets: bytes = b""
    """The message as it leaves, where it was not refused."""


_Script = Generator[bytes, Answer, Outcome]


class MtaSession:
    """One milter connection as an MTA sees it.

    `agreement` is there after the first answer, `outcome` after each transaction.
    """

    def __init__(self, *, flavour: Flavour = POSTFIX, offer: Options = _OFFER) -> None:
        self._flavour = flavour
        self._offer = offer
        self._decoder = Decoder(packet_octets=PACKET_OCTETS)
        self._script: _Script | None = None
        self._asked = 0
        self._modifications: list[Modification] = []
        self._greeted = False
        self._leftover = b""
        self._queue_id_known = False
        self._settled: tuple[Answer, int] | None = None  # what was said of the whole connection
        self.agreement: Agreement | None = None
        self.outcome: Outcome | None = None
        self.progress = 0
        """How often the filter asked for patience."""

    def opening(self) -> bytes:
        """Return the offer."""
        self._asked = ord("O")
        return encode(self._offer)

    def submit(self, transaction: Transaction) -> bytes:
        """Begin a transaction; return what to write first."""
        if self.agreement is None or self._script is not None:
            raise StateError("one transaction at a time, and only after the negotiation")
        self.outcome = None
        self._modifications = []
        self._queue_id_known = not self._flavour.late_queue_id
        self._script = self._converse(transaction, self.agreement)
        return self._advance(None)

    def quit(self) -> bytes:
        """Return the end of the connection, with the aborts Postfix puts before it."""
        aborts = 2 if self._flavour.aborts_after_message else 0
        octets = self._leftover + encode(Abort()) * aborts + encode(Quit())
        self._leftover = b""
        return octets

    def receive(self, octets: bytes) -> bytes:
        """Take what the filter wrote; return what to write next.  Raises PeerError."""
        return b"".join([self._take(decode(*frame)) for frame in self._decoder.feed(octets)])

    def _take(self, packet: Packet) -> bytes:
        if self._asked == ord("O"):
            if not isinstance(packet, Options):
                raise PeerError("the filter did not answer the negotiation")
            self.agreement = accept(self._offer, packet)
            self._asked = 0
            return b""
        if self._script is None:
            raise PeerError(f"the filter sent {packet!r} unasked")
        if packet is PlainAnswer.PROGRESS:
            self.progress += 1
            return b""
        if isinstance(packet, Modification):
            self._note(packet)
            return b""
        return self._advance(self._checked(packet))

    def _note(self, modification: Modification) -> None:
        if self._asked != ord("E"):
            raise PeerError(f"the filter modifies before the end of the message: {modification!r}")
        need = NEEDED[type(modification)]
        if self.agreement is None or need not in self.agreement.actions:
            raise PeerError(f"the filter did not ask for {need.name}")
        self._modifications.append(modification)

    def _checked(self, packet: Packet) -> Answer:
        """Return the packet as an answer that fits what was asked."""
        if isinstance(packet, ReplyCode):
            if not _REPLY.match(packet.text):
                raise PeerError(f"malformed reply: {packet.text!r}")
            return packet
        if not isinstance(packet, PlainAnswer) or packet not in FITTING[self._asked]:
            raise PeerError(f"{packet!r} is no answer to {name_of(self._asked)}")
        skips = self.agreement is not None and ProtocolFlags.SKIP in self.agreement.protocol
        if packet is PlainAnswer.SKIP and not skips:
            raise PeerError("SKIP was not agreed")
        return packet

    def _advance(self, answer: Answer | None) -> bytes:
        script = self._script
        if script is None:
            raise StateError("no transaction is under way")
        try:
            return next(script) if answer is None else script.send(answer)
        except StopIteration as end:
            self.outcome = end.value
            self._script = None
            octets, self._leftover = self._leftover, b""
            # What nobody answers waits for the next packet in Postfix; here it leaves at once.
            return octets

    def _converse(self, transaction: Transaction, agreement: Agreement) -> _Script:
        """Play one transaction: yield octets where an answer is due, return the outcome."""
        refused: list[Recipient] = []
        skipping = False
        if self._settled is not None:
            return self._end(*self._settled, refused, transaction)
        for command in self._commands(transaction, agreement):
            packet = encode(command)
            code = packet[4]  # behind the length
            self._leftover += self._define(transaction, agreement, code)
            if isinstance(command, Recipient):
                self._queue_id_known = True
            if code in agreement.unsent or (skipping and code == ord("B")):
                continue
            self._leftover += packet
            if code not in agreement.answered:
                continue
            octets, self._leftover = self._leftover, b""
            self._asked = code
            answer = yield octets
            self._asked = 0
            if answer is PlainAnswer.SKIP:
                skipping = True
            elif isinstance(command, Recipient) and _refuses(answer):
                refused.append(command)
                if transaction.recipients[: len(refused)] == tuple(refused):  # none accepted yet
                    self._queue_id_known = not self._flavour.late_queue_id
                if len(refused) == len(transaction.recipients):
                    return self._end(answer, code, refused, transaction)
            elif code == ord("E") or answer is not _CONTINUE:
                if code in b"CH":
                    self._settled = answer, code
                return self._end(answer, code, refused, transaction)
        raise StateError("a conversation ends with the answer to the end of the body")

    def _commands(self, transaction: Transaction, agreement: Agreement) -> Iterable[Command]:
        if not self._greeted:
            self._greeted = True
            yield transaction.connection
            yield Helo(transaction.helo)
        yield transaction.sender
        yield from transaction.recipients
        yield Data()
        if agreement.exact_octets:
            yield from transaction.fields
        else:
            yield from (HeaderField(n, v.removeprefix(b" ")) for n, v in transaction.fields)
        yield EndOfHeader()
        size = body_octets(agreement)
        for at in range(0, len(transaction.body), size):
            yield Body(transaction.body[at : at + size])
        yield EndOfBody()

    def _define(self, transaction: Transaction, agreement: Agreement, code: int) -> bytes:
        names = self._flavour.macros.get(chr(code), ())
        if agreement.macros:
            stage = _STAGES.get(code)
            # A request for some stages leaves the MTA's own choice for the others.
            if stage is None:
                names = ()
            elif stage in agreement.macros:
                names = agreement.macros[stage]
        strings: list[bytes] = []
        for name in names:
            value = transaction.macros.get(name)
            if value is not None and (name != "i" or self._queue_id_known or code in b"TLNBE"):
                strings += (name.encode(), value)
        return encode(Definitions(code, tuple(strings))) if strings else b""

    def _end(
        self,
        answer: Answer,
        command: int,
        refused: list[Recipient],
        transaction: Transaction,
    ) -> Outcome:
        octets = b""
        if answer in (_CONTINUE, PlainAnswer.ACCEPT):
            spool = Spool(
                flavour=self._flavour,
                received=transaction.received,
                fields=transaction.fields,
                body=transaction.body,
                exact_octets=self.agreement is not None and self.agreement.exact_octets,
            )
            spool.apply(self._modifications)
            octets = spool.octets
        if self._flavour.aborts_after_message:
            self._leftover = encode(Abort())
        return Outcome(
            answer=answer,
            command=command,
            refused=tuple(refused),
            modifications=tuple(self._modifications),
            octets=octets,
        )


def _refuses(answer: Answer) -> bool:
    refusals = (PlainAnswer.REJECT, PlainAnswer.TEMPFAIL)
    return isinstance(answer, ReplyCode) or answer in refusals
