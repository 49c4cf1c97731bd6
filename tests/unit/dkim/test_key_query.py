"""The registry of q= methods: asking elsewhere, and falling back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import avowal
from avowal.dkim.query import (
    by_type,
    character_strings,
    register_query,
    unregister_query,
)
from avowal.lookup import NO_DATA, Answer, Failure, Outcome, Question, Steps, run
from avowal.names import DomainName, Selector
from avowal.testing import ED25519, Zone, message, record_for

SELECTOR, DOMAIN = DomainName.parse(b"s1"), DomainName.parse(b"example.com")
NAME = "s1._domainkey.example.com"
RECORD = record_for(ED25519)


def generic(*strings: str) -> str:
    """RDATA of character-strings, as RFC 3597 §5 writes it."""
    octets = b"".join(bytes([len(one)]) + one.encode() for one in strings)
    return rf"\# {len(octets)} {octets.hex()}"


@pytest.fixture
def own_type() -> Iterator[None]:
    register_query("dns/dkk", by_type("TYPE65280"))
    yield
    unregister_query("dns/dkk")


def signed(query: bytes) -> bytes:
    field = avowal.sign(
        message(), domain="example.com", selector="s1", key=ED25519, other_tags=(("q", query),)
    )
    return field + message()


@pytest.mark.usefixtures("own_type")
def test_a_registered_method_finds_the_key() -> None:
    zone = Zone({NAME: {"TYPE65280": generic(RECORD[:20], RECORD[20:])}})
    (verdict,) = avowal.verify(signed(b"dns/dkk"), zone)
    assert verdict.passed
    assert zone.asked == [Question(NAME, "TYPE65280")]


@pytest.mark.usefixtures("own_type")
def test_it_falls_back_to_txt_where_the_type_is_absent() -> None:
    zone = Zone({NAME: RECORD})
    (verdict,) = avowal.verify(signed(b"dns/dkk"), zone)
    assert verdict.passed
    assert zone.asked == [Question(NAME, "TYPE65280"), Question(NAME, "TXT")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(Outcome.NO_NAME, Outcome.NO_NAME, id="no-name-is-asked-once"),
        pytest.param(Failure.TIMEOUT, Outcome.FAILED, id="a-failure-is-no-absence"),
    ],
)
def test_it_falls_back_for_absence_of_the_type_only(value: object, expected: Outcome) -> None:
    zone = Zone({NAME: value})
    answer = run(by_type("TYPE65280")(SELECTOR, DOMAIN), zone)
    assert (answer.outcome, len(zone.asked)) == (expected, 1)


def test_records_of_another_form_are_passed_over() -> None:
    zone = Zone({NAME: {"TYPE65280": [r"\# 2 ff00", generic(RECORD)], "TXT": "other"}})
    answer = run(by_type("TYPE65280")(SELECTOR, DOMAIN), zone)
    assert answer.records == (RECORD.encode(),)
    only_junk = Zone({NAME: {"TYPE65280": r"\# 2 ff00"}})
    assert run(by_type("TYPE65280")(SELECTOR, DOMAIN), only_junk).outcome is NO_DATA.outcome


def test_a_type_may_bring_its_own_reader() -> None:
    zone = Zone({NAME: {"TYPE65281": r"\# 3 616263"}})
    answer = run(by_type("TYPE65281", lambda record: record[-2:])(SELECTOR, DOMAIN), zone)
    assert answer.records == (b"63",)


def test_a_signature_by_an_unknown_method_only_is_not_understood() -> None:
    zone = Zone({NAME: RECORD})
    (verdict,) = avowal.verify(signed(b"dns/dkk"), zone)
    assert verdict.reason == "unknown-query-method"
    assert zone.asked == []


def test_methods_are_tried_in_the_order_of_the_signature() -> None:
    def nowhere(selector: Selector, domain: DomainName) -> Steps[Answer]:
        asked.append("nowhere")
        return NO_DATA
        yield ()

    asked: list[str] = []
    register_query("dns/nowhere", nowhere)
    try:
        (verdict,) = avowal.verify(signed(b"dns/nowhere:dns/txt"), Zone({NAME: RECORD}))
    finally:
        unregister_query("dns/nowhere")
    assert verdict.passed
    assert asked == ["nowhere"]


@pytest.mark.parametrize(
    ("record", "octets"),
    [
        pytest.param(rb"\# 4 0161 0162", b"ab", id="strings-are-joined"),
        pytest.param(rb"\# 1 00", b"", id="empty-string"),
        pytest.param(rb"\# 0 ", b"", id="empty"),
        pytest.param(rb"\# 02 0161", b"a", id="length-with-a-zero"),
        pytest.param(rb"\# %s 0161" % (b"9" * 5000), None, id="endless-length"),
        pytest.param(rb"\# 3 0161", None, id="length-does-not-fit"),
        pytest.param(rb"\# 2 0561", None, id="string-cut-off"),
        pytest.param(rb"\# x 0161", None, id="no-length"),
        pytest.param(rb"\# 2 01zz", None, id="no-hex"),
        pytest.param(b"10 mx.example", None, id="known-type"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"\xff \xff \xff", None, id="octets"),
    ],
)
def test_character_strings_are_read_from_the_generic_form(
    record: bytes, octets: bytes | None
) -> None:
    assert character_strings(record) == octets
