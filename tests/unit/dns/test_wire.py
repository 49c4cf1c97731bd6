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


def _query_for(*labels: bytes, number: int = 16) -> bytes:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return b"\x12\x34\x01\x20\0\1\0\0\0\0\0\0" + name + number.to_bytes(2, "big") + b"\0\1"


def _reply_to(query: bytes) -> bytes:
    return query[:2] + b"\x81\x80" + query[4:]


@pytest.mark.parametrize("octet", [0, 9, 32, 46, 92, 127, 192, 255], ids=hex)
def test_a_label_with_any_octet_is_compared_to_its_end(octet: int) -> None:
    asked = _query_for(b"a" + bytes([octet]) + b"b", b"example", b"com")
    other = _query_for(b"a" + bytes([octet]) + b"c", b"example", b"com")
    assert wire.belongs(_reply_to(asked), asked)
    assert not wire.belongs(_reply_to(other), asked)


@given(st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3), st.data())
def test_a_reply_about_any_other_name_does_not_belong(
    labels: list[bytes], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(labels) - 1))
    place = data.draw(st.integers(0, len(labels[number]) - 1))
    octet = data.draw(st.integers(0, 255))
    changed = labels[number][:place] + bytes([octet]) + labels[number][place + 1 :]
    others = [*labels[:number], changed, *labels[number + 1 :]]
    same = changed.lower() == labels[number].lower()
    assert wire.belongs(_reply_to(_query_for(*others)), _query_for(*labels)) is same


def test_types_have_no_letter_case() -> None:  # 65 is HTTPS, 97 something else
    assert not wire.belongs(_reply_to(_query_for(b"a", number=97)), _query_for(b"a", number=65))


@given(st.binary(max_size=80), st.integers(0, 40), st.binary(max_size=4))
def test_no_octets_make_a_reply_raise(tail: bytes, place: int, change: bytes) -> None:
    octets = REPLY[:4] + b"\x00\x01\x00\x01\x00\x01\x00\x00" + REPLY[12:] + b"\xc0\x0c" + tail
    octets = octets[:place] + change + octets[place + len(change) :]
    wire.belongs(octets, QUERY)
    message = read(octets)
    if not isinstance(message, Failure):
        assert isinstance(Chain(NAME, 16).take(message, trusted=True), Answer | None)
