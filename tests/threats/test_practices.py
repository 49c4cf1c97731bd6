"""RFC 4686 §4.2 and §4.3: attacks on signing practices, and the published From attacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.evidence import Counting, rounds, signed

from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.policy.assessment import (
    Assessment,
    Choice,
    Handling,
    PolicyDisposition,
    PolicyGeneration,
)
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.engine import Engine
from avowal.policy.evidence import SignatureResult
from avowal.testing import Zone

BANK: dict[str, Any] = {
    "bank.example": {"MX": ["10 mx.bank.example"]},
    "_policy._domainkey.bank.example": "o=!",
    "_ssp._domainkey.bank.example": "dkim=strict",
    "_adsp._domainkey.bank.example": "dkim=discardable",
    "_domainkey.bank.example": "o=-",
    "_dmarc.bank.example": "v=DMARC1; p=reject",
    "evil.example": {"MX": ["10 mx.evil.example"]},
}
EVIL = signed("evil.example")
EVERY = Choice(
    generations=tuple(PolicyGeneration)[1:],
    handling=Handling.FULL,
    dmarc=DmarcRules(suffixes=public_suffix_list(["example"])),
)


def assessed(value: str, *signatures: SignatureResult, zone: Any = BANK) -> Assessment:
    header = Header.parse(b"From: " + value.encode() + b"\r\n")
    return run(Engine(header, EVERY).evaluate(signatures), Zone(zone))


def asks(assessment: Assessment) -> set[PolicyDisposition]:
    return {verdict.asks for verdict in assessment.verdicts}


def test_4_2_1_a_look_alike_domain_is_another_domain() -> None:
    """No policy stops it: the look-alike passes under its own name, which is what is shown."""
    found = assessed("boss@bank-example.example", signed("bank-example.example"))
    assert asks(found) == {PolicyDisposition.ACCEPT}
    assert [domain.ascii for domain in found.authors.domains] == ["bank-example.example"]


def test_4_2_2_an_internationalized_look_alike_is_shown_by_its_a_label() -> None:
    authors = Authors.parse("boss@bаnk.example".encode())
    (domain,) = authors.domains
    assert domain.ascii.startswith("xn--")
    assert domain.ascii != "bank.example"


@pytest.mark.parametrize("generation", tuple(PolicyGeneration))
def test_4_2_3_silencing_the_practices_record_does_not_weaken_them(
    generation: PolicyGeneration,
) -> None:
    silenced = {key: "SERVFAIL" if key.startswith("_") else value for key, value in BANK.items()}
    choice = replace(EVERY, generations=(generation,), tempfail=True)
    header = Header.parse(b"From: boss@bank.example\r\n")
    found = run(Engine(header, choice).evaluate([EVIL]), Zone(silenced))
    assert (found.verdicts[0].word, found.disposition) == ("temperror", PolicyDisposition.TEMPFAIL)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a@evil.example, boss@bank.example", id="second-address"),
        pytest.param("boss@bank.example, a@evil.example", id="first-address"),
        pytest.param("Team: a@evil.example, boss@bank.example;", id="group"),
        pytest.param("boss@bank.example <a@evil.example>", id="address-before-angle"),
        pytest.param("<a@evil.example> <boss@bank.example>", id="two-angles"),
        pytest.param("a@evil.example (x\r\nFrom: boss@bank.example", id="second-field"),
        pytest.param("a@evil.example\r\nFrom: boss@bank.example", id="duplicate-from"),
        pytest.param("boss@bank.example (a@evil.example)", id="signer-only-in-a-comment"),
        pytest.param('"a@evil.example" <boss@bank.example>', id="signer-only-in-a-quote"),
        pytest.param('"a@evil.example <boss@bank.example>', id="quote-never-closed"),
        pytest.param("(a@evil.example <boss@bank.example>", id="comment-never-closed"),
        pytest.param("<@evil.example:boss@bank.example>", id="source-route"),
        pytest.param("boss@bank.example\x00@evil.example", id="nul"),
        pytest.param("boss@bank.example,", id="trailing-comma"),
        pytest.param("boss @ bank . example", id="spaces"),
        pytest.param("boss@(evil.example)bank.example", id="comment-in-the-domain"),
        pytest.param("boss@bank.example.", id="final-dot"),
        pytest.param("boss@BANK.example", id="case"),
    ],
)
def test_4_2_4_several_and_disguised_authors_each_answer_for_themselves(value: str) -> None:
    found = assessed(value, EVIL)
    assert found.disposition in {PolicyDisposition.REJECT, PolicyDisposition.DISCARD}


def test_4_2_4_a_flood_of_authors_is_capped_and_not_let_pass() -> None:
    many = ", ".join(f"a@d{number}.example" for number in range(500)) + ", boss@bank.example"
    counting = Counting(Zone(BANK))
    header = Header.parse(b"From: " + many.encode() + b"\r\n")
    choice = Choice(handling=Handling.FULL)
    found = run(Engine(header, choice).evaluate(), counting)
    assert found.disposition is PolicyDisposition.REJECT
    assert len(counting.questions) <= 21


def test_4_2_5_a_third_party_signature_does_not_stand_in_where_the_domain_forbids_it() -> None:
    found = assessed("boss@bank.example", EVIL)
    assert PolicyDisposition.ACCEPT not in asks(found)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"v=DMARC1; p=none; rua=mailto:x@evil.example" + b"a" * 60000, id="huge"),
        pytest.param(b"v=DMARC1" + b"; x=y" * 10000, id="many-tags"),
        pytest.param(b"\xff" * 1000, id="not-text"),
    ],
)
def test_4_2_6_a_falsified_reply_costs_little_and_breaks_nothing(record: bytes) -> None:
    found = assessed("boss@bank.example", EVIL, zone=BANK | {"_dmarc.bank.example": record})
    assert found.verdicts[-1].word in {"none", "fail"}


def test_4_3_1_one_message_asks_a_bounded_number_of_questions() -> None:
    labels = ".".join("abcdefghijklmnop")
    value = ", ".join(f"u{n}@{labels}.d{n}.example" for n in range(100))
    signatures = [signed(f"s{n}.{labels}.d{n}.example") for n in range(100)]
    counting = Counting(Zone({}))
    header = Header.parse(b"From: " + value.encode() + b"\r\n")
    run(Engine(header, EVERY).evaluate(signatures), counting)
    authors = 10
    each = 8 + 6 + 3 + 2 + 2  # tree walk, SSP of 2005 and 2007, ADSP, suffix list
    assert len(counting.questions) <= authors * each
    assert len(counting.rounds) <= 4


def test_4_3_1_the_cost_does_not_grow_with_what_a_stranger_publishes() -> None:
    header = Header.parse(b"From: joe@a.evil.example\r\n")
    publishing = {f"_dmarc.{name}": "v=DMARC1; p=none" for name in ("evil.example", "example")}
    few = rounds(Engine(header, EVERY).evaluate([EVIL]), Zone({}))
    many = rounds(Engine(header, EVERY).evaluate([EVIL]), Zone(publishing))
    assert many <= few + 1
