"""Reading replies: as dnspython reads them, and never beyond their end."""

from __future__ import annotations

import time
from typing import Any

import dns.ipv6
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.dns.chain import Chain, read
from avowal.dns.reply import DnsReply, is_within, presentation
from avowal.dns.wire import name_octets
from avowal.dns.wirename import Malformed, Names
from avowal.lookup import Answer, Failure

NAME = "s1._domainkey.example.com"
ASKED = name_octets(NAME) or b""
HEADER = b"\x12\x34\x81\x80"  # a response, RD, RA
QUESTION = ASKED + b"\x00\x10\x00\x01"
OWNER = b"\xc0\x0c"  # a pointer to the name of the question


def message(
    answer: bytes, *, count: int = 1, authority: bytes = b"", authorities: int = 0
) -> bytes:
    counts = b"".join(number.to_bytes(2, "big") for number in (1, count, authorities, 0))
    return HEADER + counts + QUESTION + answer + authority


def record(data: bytes, *, owner: bytes = OWNER, rrtype: int = 16, ttl: int = 300) -> bytes:
    head = rrtype.to_bytes(2, "big") + b"\x00\x01" + ttl.to_bytes(4, "big")
    return owner + head + len(data).to_bytes(2, "big") + data


def answered(octets: bytes, *, rrtype: int = 16) -> Answer | Failure | None:
    reply = read(octets)
    return reply if isinstance(reply, Failure) else Chain(ASKED, rrtype).take(reply, trusted=True)


@pytest.mark.parametrize(
    ("octets", "records"),
    [
        pytest.param(message(record(b"\x01a")), (b"a",), id="one-string"),
        pytest.param(message(record(b"\x01a\x00\x02bc")), (b"abc",), id="strings-joined"),
        pytest.param(message(record(b"\x00")), (b"",), id="empty-string"),
        pytest.param(message(record(b"\x01a") + record(b"\x01b"), count=2), (b"a", b"b"), id="two"),
        pytest.param(message(record(b"\x01a") * 2, count=2), (b"a",), id="a-set-has-no-doubles"),
        pytest.param(
            message(record(b"\x01a", owner=ASKED.upper())),
            (b"a",),
            id="letter-case-of-the-owner",
        ),
        pytest.param(
            message(record(b"\x01x", owner=b"\x05other\x00") + record(b"\x01a"), count=2),
            (b"a",),
            id="foreign-records-are-passed-over",
        ),
    ],
)
def test_txt_records_are_read(octets: bytes, records: tuple[bytes, ...]) -> None:
    found = answered(octets)
    assert isinstance(found, Answer)
    assert found.records == records


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(message(record(b"\x05ab")), id="string-beyond-its-record"),
        pytest.param(message(record(b"")), id="no-string"),
        pytest.param(message(record(b"\x01a"), count=2), id="fewer-records-than-counted"),
        pytest.param(message(record(b"\x01a")) + b"x", id="octets-behind-the-end"),
        pytest.param(message(record(b"\x01a"))[:-1], id="record-cut-off"),
        pytest.param(message(record(b"\x01a", owner=b"\xc0\xff")), id="pointer-beyond-the-end"),
        pytest.param(message(record(b"\x01a", owner=b"\xc0\x2b")), id="pointer-to-itself"),
        pytest.param(message(record(b"\x01a", owner=b"\x80\x0c")), id="label-of-unknown-kind"),
        pytest.param(message(record(b"\x01a", owner=b"\x3f" + b"x" * 63)), id="label-cut-off"),
        pytest.param(
            message(record(b"\x01a", owner=(b"\x3f" + b"x" * 63) * 4 + b"\x00")), id="long-name"
        ),
        pytest.param(message(record(OWNER + b"x", rrtype=5)), id="CNAME-of-another-length"),
        pytest.param(message(record(b"\xc0", rrtype=5)), id="CNAME-cut-off"),
        pytest.param(
            message(b"", count=0, authority=record(b"\x00\x00", rrtype=6), authorities=1),
            id="SOA-too-short",
        ),
        pytest.param(HEADER, id="header-cut-off"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_message_is_malformed(octets: bytes) -> None:
    assert answered(octets) in {Failure.MALFORMED, Answer.failed(Failure.MALFORMED)}


def test_rdata_of_another_form_is_malformed() -> None:
    assert answered(message(record(b"\x01\x02\x03", rrtype=1)), rrtype=1) == Answer.failed(
        Failure.MALFORMED
    )


def test_a_ttl_beyond_31_bits_counts_as_zero() -> None:
    found = answered(message(record(b"\x01a", ttl=2**31)))
    assert isinstance(found, Answer)
    assert found.ttl == 0


def test_the_upper_bits_of_the_rcode_come_from_edns() -> None:
    opt = b"\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00"  # extended RCODE 1: BADVERS is 16
    octets = HEADER + b"\x00\x01\x00\x00\x00\x00\x00\x01" + QUESTION + opt
    assert DnsReply.parse(octets).rcode == 16
    assert read(octets) is Failure.SERVER_FAILURE


def test_a_chain_of_pointers_has_an_end() -> None:
    # The root, and pointers that lead two octets back each.
    octets = bytes(2) + b"".join((0xC000 | at - 2).to_bytes(2, "big") for at in range(2, 200, 2))
    name, following = Names(octets).at(20)
    assert (name.wire, name.text, following) == (b"\x00", ".", 22)
    with pytest.raises(Malformed):
        Names(octets).at(198)


@pytest.mark.parametrize(
    ("name", "above", "expected"),
    [
        ("a.example.com", "example.com", True),
        ("example.com", "example.com", True),
        ("example.com", ".", True),
        ("badexample.com", "example.com", False),
        ("com", "example.com", False),
        ("example.org", "example.com", False),
    ],
)
def test_within_is_by_whole_labels(name: str, above: str, expected: bool) -> None:
    assert is_within(name_octets(name) or b"", name_octets(above) or b"") is expected


LABEL = st.text("abXY_-09", min_size=1, max_size=5)
OWNERS = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
RDATA = st.one_of(
    st.tuples(st.just("A"), st.just("192.0.2.1")),
    st.tuples(st.just("AAAA"), st.just("2001:db8::1")),
    st.tuples(st.just("MX"), OWNERS.map(lambda name: f"10 {name}.")),
    st.tuples(st.just("NS"), OWNERS.map(lambda name: f"{name}.")),
    st.tuples(st.just("CNAME"), OWNERS.map(lambda name: f"{name}.")),
    st.tuples(st.just("SOA"), OWNERS.map(lambda name: f"{name}. root.{name}. 1 2 3 4 77")),
    st.tuples(st.just("CAA"), st.just('0 issue "ca.example"')),
    st.tuples(st.just("TXT"), st.lists(st.text("ab;= ", max_size=9), min_size=1, max_size=3).map(
        lambda strings: " ".join(f'"{one}"' for one in strings)
    )),
)  # fmt: skip
RRSETS = st.lists(st.tuples(OWNERS, st.integers(0, 2**31 - 1), RDATA), max_size=6)


@given(RRSETS, RRSETS, st.sampled_from([dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.BADVERS]))
def test_dnspython_reads_the_same(answer: list, authority: list, rcode: dns.rcode.Rcode) -> None:  # type: ignore[type-arg]
    made = dns.message.make_response(dns.message.make_query(NAME, "TXT", use_edns=0))
    made.set_rcode(rcode)
    for section, rows in ((made.answer, answer), (made.authority, authority)):
        for owner, ttl, (rrtype, data) in rows:
            section.append(dns.rrset.from_text(f"{owner}.", ttl, "IN", rrtype, data))
    octets = made.to_wire()
    theirs, ours = dns.message.from_wire(octets, one_rr_per_rrset=True), DnsReply.parse(octets)
    assert ours.rcode == theirs.rcode()
    for mine, other in ((ours.answer, theirs.answer), (ours.authority, theirs.authority)):
        assert [(r.name, r.type, r.ttl, ours.presentation(r)) for r in mine] == [
            (s.name.canonicalize().to_wire(), s.rdtype, s.ttl, presentation(s[0])) for s in other
        ]
        for record_, rrset in zip(mine, other, strict=True):
            if rrset.rdtype == dns.rdatatype.CNAME:
                assert ours.target(record_) == rrset[0].target.canonicalize().to_wire()
            if rrset.rdtype == dns.rdatatype.SOA:
                assert ours.minimum(record_) == 77


@given(st.data())
def test_changed_octets_raise_nothing(data: st.DataObject) -> None:
    octets = message(record(b"\x03abc") + record(b"\x01b", owner=b"\x01x" + OWNER), count=2)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(octets) - 1))
        octets = octets[:place] + data.draw(st.binary(max_size=3)) + octets[place + 1 :]
    for rrtype in (16, 1, 15):
        found = answered(octets, rrtype=rrtype)
        assert found is None or isinstance(found, Answer | Failure)


def test_the_worst_message_costs_little() -> None:
    deep = b"".join(b"\x01a" for _ in range(120)) + b"\x00"
    rows = record(b"\x01x", owner=b"\xc0\x0c") * 4500
    counts = b"\x00\x01" + (4500).to_bytes(2, "big") + bytes(4)
    octets = HEADER + counts + deep + b"\x00\x10\x00\x01" + rows
    assert len(octets) < 65536
    started = time.process_time()
    assert len(DnsReply.parse(octets).answer) == 4500
    assert time.process_time() - started < 2


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3))
def test_a_name_is_written_as_dnspython_writes_it(labels: list[bytes]) -> None:
    wanted = dns.name.Name([*labels, b""])
    name, following = Names(wanted.to_wire()).at(0)
    assert name.wire == wanted.to_wire()
    assert name.text == wanted.to_text(omit_final_dot=True)
    assert following == len(name.wire)


def test_what_a_pointer_leads_to_is_read_once() -> None:
    class Counting(bytes):
        reads = 0

        def __getitem__(self, place: Any) -> Any:
            Counting.reads += 1
            return super().__getitem__(place)

    long = b"\x01a" * 126 + b"\0"
    octets = Counting(long + b"".join((0xC000 | at % 252 & ~1).to_bytes(2) for at in range(5000)))
    names = Names(octets)
    for at in range(5000):
        names.at(len(long) + 2 * at)
    # one reading of the long name, and a few octets for each pointer
    assert Counting.reads < 2000 + 5000 * 4


def test_a_remembered_name_counts_its_pointers() -> None:
    octets = bytes(2) + b"".join((0xC000 | at - 2).to_bytes(2, "big") for at in range(2, 200, 2))
    names = Names(octets)
    for at in range(20, 66, 2):
        names.at(at)  # each remembered before the next
    with pytest.raises(Malformed):
        names.at(66)


@given(st.binary(min_size=16, max_size=16) | st.integers(0, 2**16).map(lambda n: n.to_bytes(16)))
def test_an_address_is_written_as_dnspython_writes_it(octets: bytes) -> None:
    made = message(OWNER + b"\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10" + octets)
    reply = DnsReply.parse(made)
    assert reply.presentation(reply.answer[0]) == dns.ipv6.inet_ntoa(octets).encode()


def test_more_records_than_are_read_of_a_rare_type_are_malformed() -> None:
    record = OWNER + b"\x00\x21\x00\x01\x00\x00\x00\x3c\x00\x07" + b"\x00\x01\x00\x01\x00\x01\x00"
    reply = DnsReply.parse(message(record * 200, count=200))
    assert reply.presentation(reply.answer[0]) == b"1 1 1 ."
    reply = DnsReply.parse(message(record * 201, count=201))
    with pytest.raises(Malformed, match="more records"):
        reply.presentation(reply.answer[0])
