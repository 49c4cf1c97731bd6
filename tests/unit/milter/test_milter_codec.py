"""Every packet, both ways, octet by octet."""

from __future__ import annotations

import pytest

from avowal.errors import PeerError, UsageError
from avowal.milter import packets
from avowal.milter.codec import decode, encode, name_of
from avowal.milter.packets import (
    AddHeader,
    Body,
    ChangeHeader,
    Connect,
    Definitions,
    EndOfBody,
    HeaderField,
    Helo,
    InsertHeader,
    Mail,
    Options,
    Packet,
    PlainAnswer,
    Quarantine,
    Recipient,
    ReplyCode,
    SymbolList,
)
from avowal.milter.wire import Decoder

WIRE = [
    pytest.param(
        Options(6, 0x1FF, 0x1FFFFF),
        b"O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff",
        id="negotiation as Postfix and Sendmail offer it",
    ),
    pytest.param(
        Options(6, 0x131, 0x100000, ((2, b"i {auth_type}"), (5, b"i"))),
        b"O\0\0\0\6\0\0\1\x31\0\x10\0\0\0\0\0\2i {auth_type}\0\0\0\0\5i\0",
        id="negotiation with macro requests",
    ),
    pytest.param(Definitions(ord("M"), (b"i", b"Q1")), b"DMi\0Q1\0", id="macros"),
    pytest.param(Definitions(ord("M"), ()), b"DM", id="macros, none"),
    pytest.param(
        Connect(b"localhost", b"4", 1234, b"127.0.0.1"),
        b"Clocalhost\x004\x04\xd2127.0.0.1\0",
        id="connect over IPv4",
    ),
    pytest.param(
        Connect(b"[::1]", b"6", 25, b"IPv6:::1"),
        b"C[::1]\x006\0\x19IPv6:::1\0",
        id="connect over IPv6 as Sendmail writes it",
    ),
    pytest.param(
        Connect(b"localhost", b"L", 0, b"/run/x"),
        b"Clocalhost\0L\0\0/run/x\0",
        id="connect over a unix socket",
    ),
    pytest.param(Connect(b"unknown"), b"Cunknown\0U", id="connect, family unknown"),
    pytest.param(Helo(b"a.example"), b"Ha.example\0", id="helo"),
    pytest.param(Mail(b"<a@b.example>"), b"M<a@b.example>\0", id="mail"),
    pytest.param(
        Mail(b"<>", (b"SIZE=100", b"BODY=8BITMIME")),
        b"M<>\0SIZE=100\0BODY=8BITMIME\0",
        id="mail with arguments",
    ),
    pytest.param(
        Recipient(b"<\xc3\xa9@b.example>", (b"NOTIFY=NEVER",)),
        b"R<\xc3\xa9@b.example>\0NOTIFY=NEVER\0",
        id="rcpt with an argument and 8-bit octets",
    ),
    pytest.param(packets.Data(), b"T", id="data"),
    pytest.param(HeaderField(b"Subject", b" a\n\tb"), b"LSubject\0 a\n\tb\0", id="header field"),
    pytest.param(HeaderField(b"X", b""), b"LX\0\0", id="header field without value"),
    pytest.param(packets.EndOfHeader(), b"N", id="end of header"),
    pytest.param(Body(b"a\0b\r\n"), b"Ba\0b\r\n", id="body with NUL"),
    pytest.param(Body(b""), b"B", id="body of nothing"),
    pytest.param(EndOfBody(), b"E", id="end of body"),
    pytest.param(EndOfBody(b"last"), b"Elast", id="end of body with octets"),
    pytest.param(packets.UnknownCommand(b"XYZZY 1"), b"UXYZZY 1\0", id="unknown command"),
    pytest.param(packets.Abort(), b"A", id="abort"),
    pytest.param(packets.Quit(), b"Q", id="quit"),
    pytest.param(packets.QuitNewConnection(), b"K", id="quit, new connection"),
    pytest.param(PlainAnswer.CONTINUE, b"c", id="continue"),
    pytest.param(PlainAnswer.ACCEPT, b"a", id="accept"),
    pytest.param(PlainAnswer.REJECT, b"r", id="reject"),
    pytest.param(PlainAnswer.TEMPFAIL, b"t", id="tempfail"),
    pytest.param(PlainAnswer.DISCARD, b"d", id="discard"),
    pytest.param(PlainAnswer.SKIP, b"s", id="skip"),
    pytest.param(PlainAnswer.PROGRESS, b"p", id="progress"),
    pytest.param(PlainAnswer.SHUTDOWN, b"4", id="shutdown"),
    pytest.param(PlainAnswer.CONNECTION_FAILED, b"f", id="connection failed"),
    pytest.param(ReplyCode(b"550 5.7.20 no"), b"y550 5.7.20 no\0", id="reply code"),
    pytest.param(AddHeader(b"X", b" v"), b"hX\0 v\0", id="add header"),
    pytest.param(InsertHeader(1, b"X", b" v"), b"i\0\0\0\1X\0 v\0", id="insert header"),
    pytest.param(ChangeHeader(2, b"X", b""), b"m\0\0\0\2X\0\0", id="change header"),
    pytest.param(packets.ReplaceBody(b"new"), b"bnew", id="replace body"),
    pytest.param(packets.AddRecipient(b"<c@d>"), b"+<c@d>\0", id="add recipient"),
    pytest.param(
        packets.AddRecipientArguments(b"<c@d>", (b"NOTIFY=NEVER",)),
        b"2<c@d>\0NOTIFY=NEVER\0",
        id="add recipient with arguments",
    ),
    pytest.param(packets.DeleteRecipient(b"<c@d>"), b"-<c@d>\0", id="delete recipient"),
    pytest.param(packets.ChangeSender(b"<>", (b"X=1",)), b"e<>\0X=1\0", id="change sender"),
    pytest.param(Quarantine(b"why"), b"qwhy\0", id="quarantine"),
    pytest.param(SymbolList(3, b"i"), b"l\0\0\0\3i\0", id="symbol list"),
]


@pytest.mark.parametrize(("packet", "octets"), WIRE)
def test_a_packet_is_these_octets(packet: Packet, octets: bytes) -> None:
    assert encode(packet) == len(octets).to_bytes(4, "big") + octets


@pytest.mark.parametrize(("packet", "octets"), WIRE)
def test_these_octets_are_the_packet(packet: Packet, octets: bytes) -> None:
    assert decode(octets[0], octets[1:]) == packet


@pytest.mark.parametrize(("packet", "octets"), WIRE)
def test_a_packet_survives_being_cut_anywhere(packet: Packet, octets: bytes) -> None:
    wire = encode(packet)
    decoder = Decoder()
    frames = [one for at in range(len(wire)) for one in decoder.feed(wire[at : at + 1])]
    assert [decode(*one) for one in frames] == [packet]


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"O\0\0\0\6\0\0\1\xff\0\x1f\xff", id="negotiation too short"),
        pytest.param(b"O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff\0\0\0\2i", id="macro list without end"),
        pytest.param(b"O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff\0\0", id="cut macro stage"),
        pytest.param(b"D", id="macros without stage"),
        pytest.param(b"DMi\0Q1", id="macro value without end"),
        pytest.param(b"C", id="connect without anything"),
        pytest.param(b"Chost\0", id="connect without family"),
        pytest.param(b"Chost\x004\0", id="connect cut in its port"),
        pytest.param(b"Chost\x004\0\x191.2.3.4", id="connect address without end"),
        pytest.param(b"Hname", id="helo without end"),
        pytest.param(b"M", id="mail without address"),
        pytest.param(b"M<a>\0SIZE=1", id="mail argument without end"),
        pytest.param(b"LSubject\0 x", id="header value without end"),
        pytest.param(b"LSubject", id="header name without end"),
        pytest.param(b"i\0\0\1", id="insertion cut in its index"),
        pytest.param(b"y550 no", id="reply without end"),
        pytest.param(b"x", id="no such command"),
        pytest.param(b"\xff", id="no such octet"),
    ],
)
def test_what_is_no_packet_is_a_peer_error(octets: bytes) -> None:
    with pytest.raises(PeerError):
        decode(octets[0], octets[1:])


def test_an_error_names_the_packet() -> None:
    with pytest.raises(PeerError, match=r"'H' \(Helo\): the packet ends within a string"):
        decode(ord("H"), b"name")


def test_what_follows_the_known_parts_is_ignored() -> None:
    assert decode(ord("H"), b"name\0extra") == Helo(b"name")
    assert decode(ord("A"), b"extra") == packets.Abort()


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(HeaderField(b"X", b"a\0b"), id="NUL in a value"),
        pytest.param(Mail(b"<a>", (b"X=\0",)), id="NUL in an argument"),
        pytest.param(InsertHeader(-1, b"X", b"v"), id="negative index"),
        pytest.param(InsertHeader(1 << 32, b"X", b"v"), id="index of 33 bits"),
        pytest.param(Connect(b"h", b"4"), id="family without address"),
        pytest.param(Connect(b"h", b"4", 1 << 16, b"1.2.3.4"), id="port of 17 bits"),
        pytest.param(Connect(b"h", b"46", 1, b"1.2.3.4"), id="family of two octets"),
    ],
)
def test_what_cannot_be_told_is_a_usage_error(packet: Packet) -> None:
    with pytest.raises(UsageError):
        encode(packet)


def test_every_code_has_a_name_for_messages() -> None:
    assert name_of(ord("H")) == "'H' (Helo)"
    assert name_of(ord("c")) == "'c' (CONTINUE)"
    assert name_of(ord("x")) == "the unknown command 'x'"
