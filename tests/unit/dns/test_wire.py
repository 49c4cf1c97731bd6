"""Queries as dnspython reads them, and replies that do or do not belong to one."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.dns import wire
from avowal.dns.chain import Chain, read
from avowal.lookup import Answer, Failure

NAME = wire.name_octets("s1._domainkey.example.com") or b""


@pytest.mark.parametrize("payload", [None, 1232])
def test_a_query_reads_as_it_was_meant(payload: int | None) -> None:
    message = dns.message.from_wire(wire.query(NAME, 16, payload=payload))
    assert message.question[0].name == dns.name.from_text("s1._domainkey.example.com")
    assert message.question[0].rdtype == dns.rdatatype.TXT
    assert message.payload == (payload or 0)


@given(st.text(st.characters(max_codepoint=0x7F), max_size=300))
def test_names_encode_as_dnspython_encodes_them(name: str) -> None:
    labels = name.removesuffix(".").split(".") if name not in {"", "."} else []
    try:
        expected = dns.name.Name([*(label.encode() for label in labels), b""]).to_wire()
    except (dns.name.EmptyLabel, dns.name.LabelTooLong, dns.name.NameTooLong):
        expected = None
    assert wire.name_octets(name) == expected


def test_ids_are_not_guessable() -> None:
    assert len({wire.query(NAME, 16, payload=None)[:2] for _ in range(64)}) > 50


QUERY = wire.query(NAME, 16, payload=None)
REPLY = dns.message.make_response(dns.message.from_wire(QUERY)).to_wire()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(REPLY, True, id="reply"),
        pytest.param(REPLY[:12] + REPLY[12:].upper(), True, id="other-letter-case"),
        pytest.param(QUERY, False, id="the-query-itself"),
        pytest.param(bytes([REPLY[0] ^ 1]) + REPLY[1:], False, id="other-id"),
        pytest.param(REPLY[:-3] + b"\x1c" + REPLY[-2:], False, id="other-type"),
        pytest.param(REPLY[:13] + b"t" + REPLY[14:], False, id="other-name"),
        pytest.param(REPLY[:2] + b"\x90\x00" + REPLY[4:], False, id="other-opcode"),
        pytest.param(REPLY[:11], False, id="no-header"),
        pytest.param(REPLY[:2] + b"\x80\x01" + bytes(8), True, id="FORMERR-without-question"),
        pytest.param(REPLY[:2] + b"\x80\x00" + bytes(8), False, id="NOERROR-without-question"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_belonging_is_id_and_question(reply: bytes, expected: bool) -> None:
    assert wire.belongs(reply, QUERY) is expected


@given(st.binary(max_size=80), st.integers(0, 40), st.binary(max_size=4))
def test_no_octets_make_a_reply_raise(tail: bytes, place: int, change: bytes) -> None:
    octets = REPLY[:4] + b"\x00\x01\x00\x01\x00\x01\x00\x00" + REPLY[12:] + b"\xc0\x0c" + tail
    octets = octets[:place] + change + octets[place + len(change) :]
    wire.belongs(octets, QUERY)
    message = read(octets)
    if not isinstance(message, Failure):
        assert isinstance(Chain(NAME, 16).take(message, trusted=True), Answer | None)
