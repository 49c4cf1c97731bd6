"""The target for the milter protocol: both ends, for whatever octets the other end sends.

A session raises PeerError or nothing, in one piece as octet by octet, and tells the same
story both times; what it writes, the other end can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.fuzz.targets import expect
from tests.mta.session import MtaSession, Transaction
from tests.mta.spool import POSTFIX, SENDMAIL

from avowal.errors import PeerError
from avowal.milter import actions
from avowal.milter.codec import decode, encode
from avowal.milter.events import EndOfMessage, SessionLimits
from avowal.milter.negotiation import ActionFlags, ProtocolFlags, Wish
from avowal.milter.packets import (
    Body,
    Connect,
    Definitions,
    EndOfBody,
    EndOfHeader,
    HeaderField,
    Helo,
    Mail,
    Options,
    PlainAnswer,
    Recipient,
)
from avowal.milter.session import FilterSession
from avowal.milter.wire import Decoder

_WISHES = (
    Wish(),
    Wish(protocol=ProtocolFlags.LEADING_SPACE | ProtocolFlags.SKIP),
    Wish(protocol=Wish().protocol | ProtocolFlags.NO_END_OF_HEADER | ProtocolFlags.NO_CONNECT),
    Wish(exact_octets=False, protocol=ProtocolFlags(0)),
)
_LIMITS = SessionLimits(packet_octets=5000, header_octets=2000, header_fields=20, recipients=3)
_MESSAGE = b"From: a@example.com\r\nSubject: a\r\n\tb\r\n\r\nbody\r\n"


def milter(octets: bytes) -> None:
    """The first octet chooses the end and what it wishes; the rest is what it is sent."""
    choice = octets[0] if octets else 0
    wish = _WISHES[choice % len(_WISHES)]
    stream = octets[1:]
    if choice & 0x80:
        _at_the_mta(stream)
    else:
        whole, written = _at_the_filter([stream], wish)
        singly, _ = _at_the_filter([stream[at : at + 1] for at in range(len(stream))], wish)
        expect(whole == singly, "the cut of the octets is invisible")
        for command, payload in Decoder().feed(written):
            decode(command, payload)


def _at_the_filter(pieces: list[bytes], wish: Wish) -> tuple[list[object], bytes]:
    session = FilterSession(wish, limits=_LIMITS)
    told: list[object] = []
    written = b""
    try:
        for piece in pieces:
            session.receive(piece)
            while (event := session.next_event()) is not None:
                told.append(_shown(event))
                expect(session.held_octets <= 3 * 5000 + sum(map(len, pieces)), "memory is bounded")
                if isinstance(event, EndOfMessage):
                    session.answer(PlainAnswer.ACCEPT, actions.on_top([b"X: v"]))
                else:
                    session.proceed()
            written += session.outgoing()
    except PeerError as fault:
        told.append(str(fault))
    return told, written + session.outgoing()


def _shown(event: object) -> object:
    header = getattr(event, "header", None)
    return (type(event), header.octets) if header is not None else event


def _at_the_mta(stream: bytes) -> None:
    """An MTA that is sent anything raises PeerError or nothing."""
    for flavour in (POSTFIX, SENDMAIL):
        mta = MtaSession(flavour=flavour)
        mta.opening()
        try:
            mta.receive(encode(Options(6, int(ActionFlags.ALL), int(Wish().protocol))))
            mta.submit(Transaction.of(_MESSAGE))
            mta.receive(stream)
        except PeerError:
            continue


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that the target begins with."""
    del target
    opening = encode(Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL)))
    connect = encode(Connect(b"localhost", b"4", 25, b"127.0.0.1"))
    envelope = [
        encode(Helo(b"c.example")),
        encode(Definitions(ord("M"), (b"i", b"Q1"))),
        encode(Mail(b"<a@example.com>", (b"SIZE=1",))),
        encode(Recipient(b"<b@example.com>")),
    ]
    content = [
        encode(HeaderField(b"From", b" a@example.com")),
        encode(HeaderField(b"Subject", b" a\n\tb")),
        encode(EndOfHeader()),
        encode(Body(b"body\r\n")),
        encode(EndOfBody()),
    ]
    message = b"".join((*envelope, *content))
    for wish in range(len(_WISHES)):
        yield bytes((wish,)) + opening + connect + message
        yield bytes((wish,)) + opening + connect + message * 2 + b"\0\0\0\1A\0\0\0\1Q"
    yield bytes((2,)) + opening + message
    answers = [encode(one) for one in (*actions.on_top([b"X: v"]), PlainAnswer.ACCEPT)]
    yield b"\x80" + b"".join(answers)
    yield b"\x80" + encode(actions.reply_code(550, "5.7.1", "no"))


TARGETS: dict[str, Callable[[bytes], None]] = {"milter": milter}
