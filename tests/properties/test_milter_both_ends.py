"""The two ends of the milter protocol, joined over any cut of their octets."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from tests.mta.session import MtaSession, Outcome, Transaction
from tests.mta.spool import POSTFIX, SENDMAIL, Flavour

from avowal.errors import PeerError
from avowal.milter import actions
from avowal.milter.codec import decode, encode
from avowal.milter.events import Body, EndOfMessage, HeaderEnd, SessionLimits
from avowal.milter.negotiation import ProtocolFlags, Wish
from avowal.milter.packets import (
    Connect,
    Definitions,
    HeaderField,
    InsertHeader,
    Mail,
    Packet,
    PlainAnswer,
    Recipient,
)
from avowal.milter.session import FilterSession
from avowal.milter.wire import Decoder

octets = st.binary(max_size=60).map(lambda o: o.replace(b"\0", b""))
names = st.sampled_from([b"From", b"Subject", b"X", b"X-Long-Name", b"received"])
values = st.lists(
    st.binary(max_size=30).map(lambda o: o.translate(None, b"\0\r\n")), min_size=1, max_size=4
).map(b"\n ".join)
fields = st.builds(HeaderField, names, values)
flavours = st.sampled_from([POSTFIX, SENDMAIL])
silent = Wish().protocol
wishes = st.builds(
    lambda bits: Wish(
        protocol=(silent & ProtocolFlags(bits)) | ProtocolFlags.LEADING_SPACE | ProtocolFlags.SKIP
    ),
    st.integers(0, int(ProtocolFlags.ALL)),
)
transactions = st.builds(
    Transaction,
    fields=st.lists(fields, max_size=6).map(tuple),
    body=st.binary(max_size=300),
    recipients=st.lists(st.builds(Recipient, octets), min_size=1, max_size=3).map(tuple),
    sender=st.builds(Mail, octets),
)
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def pieces(octets: bytes, sizes: list[int]) -> Iterator[bytes]:
    """Cut octets into pieces of these sizes, again and again."""
    at = turn = 0
    while at < len(octets):
        size = sizes[turn % len(sizes)]
        yield octets[at : at + size]
        at += size
        turn += 1


class Seen:
    """What a filter was told of one message."""

    def __init__(self) -> None:
        self.header: list[bytes] = []
        self.body = b""


def converse(
    mta: MtaSession, session: FilterSession, first: bytes, sizes: list[int], seen: list[Seen]
) -> None:
    """Carry octets to and fro in pieces; the filter inserts a field into each message."""
    to_filter = first
    while to_filter:
        answers = b""
        for piece in pieces(to_filter, sizes):
            session.receive(piece)
            while (event := session.next_event()) is not None:
                if isinstance(event, HeaderEnd):
                    seen.append(Seen())
                    seen[-1].header = event.header.raws
                elif isinstance(event, Body):
                    seen[-1].body += event.chunk
                if isinstance(event, EndOfMessage):
                    session.answer(PlainAnswer.CONTINUE, actions.on_top([b"Made: by us"]))
                else:
                    session.proceed()
            answers += session.outgoing()
        to_filter = b"".join(mta.receive(piece) for piece in pieces(answers, sizes))


@given(flavours, wishes, st.lists(transactions, min_size=1, max_size=3), cuts)
def test_any_message_passes_exactly_whatever_the_cut_and_what_was_agreed(
    flavour: Flavour, wish: Wish, messages: list[Transaction], sizes: list[int]
) -> None:
    mta, session = MtaSession(flavour=flavour), FilterSession(wish)
    seen: list[Seen] = []
    converse(mta, session, mta.opening(), sizes, seen)
    for transaction in messages:
        converse(mta, session, mta.submit(transaction), sizes, seen)
        outcome = mta.outcome
        assert isinstance(outcome, Outcome)
        assert outcome.answer is PlainAnswer.CONTINUE
        assert outcome.octets.startswith(b"Made: by us\r\n")
        wanted = [f.name + b":" + f.value.replace(b"\n", b"\r\n") for f in transaction.fields]
        assert seen[-1].header == wanted
        assert seen[-1].body == transaction.body
        assert session.held_octets == 0 or flavour is POSTFIX
    assert len(seen) == len(messages)


packets = st.one_of(
    st.builds(Connect, octets, st.just(b"4"), st.integers(0, 65535), octets),
    st.builds(Mail, octets, st.lists(octets, max_size=3).map(tuple)),
    st.builds(Definitions, st.sampled_from(b"CHMRE"), st.lists(octets, max_size=4).map(tuple)),
    st.builds(HeaderField, octets, octets),
    st.builds(InsertHeader, st.integers(0, (1 << 32) - 1), octets, octets),
    st.builds(Body, st.binary(max_size=100)),
    st.sampled_from(list(PlainAnswer)),
)


@given(packets)
def test_what_is_written_is_read_again(packet: Packet) -> None:
    ((command, payload),) = Decoder().feed(encode(packet))
    assert decode(command, payload) == packet


@given(st.binary(max_size=400), cuts)
def test_a_session_raises_peer_error_or_nothing_and_the_cut_is_invisible(
    junk: bytes, sizes: list[int]
) -> None:
    opening = MtaSession().opening()

    def story(parts: list[bytes]) -> list[object]:
        session = FilterSession(limits=SessionLimits(packet_octets=300))
        told: list[object] = []
        try:
            for part in parts:
                session.receive(part)
                while (event := session.next_event()) is not None:
                    told.append(type(event))
                    session.proceed()
        except PeerError as fault:
            told.append(str(fault))
        return told

    stream = opening + junk
    assert story([stream]) == story(list(pieces(stream, sizes)))
