"""DomainKeys (RFC 4870), behind the archive rules."""

from __future__ import annotations

from typing import Any

import pytest
from tests.crafting import KEY_NAME, craft, domainkeys

from avowal import Limits, Reason, Verification, averify, verify
from avowal.dkim.legacy import DomainKeysVerifier
from avowal.dkim.rules import ARCHIVE
from avowal.message import Header, split
from avowal.testing import RSA_1024, RSA_2048, Zone, message, record_for, tamper

RECORD = record_for(RSA_1024).removeprefix("v=DKIM1; ")
ZONE = {KEY_NAME: RECORD}
READ_ONLY = ARCHIVE.but(accept_drafts=False)


def one(octets: bytes, zone: Any = None, **settings: Any) -> Verification:
    settings.setdefault("rules", ARCHIVE)
    (verdict,) = verify(octets, ZONE if zone is None else zone, now=0, **settings)
    return verdict


def test_an_archive_verifies_it() -> None:
    assert one(domainkeys(message())).passed


def test_it_authenticates_nothing_where_drafts_do_not_count() -> None:
    assert one(domainkeys(message()), rules=READ_ONLY).reason is Reason.HISTORIC_PROTOCOL


def test_by_default_it_is_no_signature() -> None:
    assert verify(domainkeys(message()), ZONE) == ()


def test_an_empty_body_adds_no_separator() -> None:
    assert one(domainkeys(message(""))).passed


@pytest.mark.parametrize("part", ["body", "from", "subject"])
def test_what_was_changed_does_not_verify(part: str) -> None:
    assert one(tamper(domainkeys(message()), part)).reason is Reason.SIGNATURE


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        pytest.param("c=simple; d=example.com; s=s1", None, id="a-is-rsa-sha1-by-default"),
        pytest.param("c=simple; q=dns; d=example.com; s=s1", None, id="q"),
        pytest.param("c=simple; d=example.com", Reason.MISSING_TAG, id="no-s"),
        pytest.param("d=example.com; s=s1", Reason.MISSING_TAG, id="c-must-stand"),
        pytest.param("c=relaxed; d=example.com; s=s1", Reason.CANONICALIZATION, id="c"),
        pytest.param("a=x; c=simple; d=example.com; s=s1", Reason.ALGORITHM, id="a"),
        pytest.param("q=http; c=simple; d=example.com; s=s1", Reason.QUERY, id="q-unknown"),
        pytest.param("c=simple; d=example.net; s=s1", Reason.DOMAIN_MISMATCH, id="d"),
        pytest.param("c=simple; d=ample.com; s=s1", Reason.DOMAIN_MISMATCH, id="label-boundary"),
        pytest.param("c=simple; c=simple; d=example.com; s=s1", Reason.SYNTAX, id="twice"),
        pytest.param("c=simple; d=.com; s=s1", Reason.SYNTAX, id="d-malformed"),
    ],
)
def test_each_tag_is_checked(tags: str, reason: Reason | None) -> None:
    assert one(domainkeys(message(), tags)).reason is reason


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param("SERVFAIL", Reason.KEY_UNAVAILABLE, id="no-answer"),
        pytest.param("NXDOMAIN", Reason.NO_KEY, id="no-name"),
        pytest.param("hello", Reason.KEY_SYNTAX, id="foreign-text"),
        pytest.param("p=", Reason.KEY_REVOKED, id="revoked"),
        pytest.param(RECORD.replace("k=rsa", "k=x"), Reason.KEY_ALGORITHM, id="another-type"),
        pytest.param("p=QUJD", Reason.KEY_SYNTAX, id="no-key"),
        pytest.param("g=; " + RECORD, None, id="an-empty-g-fits-everybody"),
        pytest.param("g=al*; " + RECORD, None, id="g-fits"),
        pytest.param("g=bob; " + RECORD, Reason.KEY_GRANULARITY, id="g-does-not-fit"),
    ],
)
def test_the_key_is_checked(record: str, reason: Reason | None) -> None:
    assert one(domainkeys(message()), {KEY_NAME: record}).reason is reason


def test_sender_counts_before_from() -> None:
    octets = domainkeys(message(**{"from": "a@example.net", "sender": "list@example.com"}))
    assert one(octets).passed


def test_with_h_the_fields_it_names_are_signed_alone() -> None:
    tags = "a=rsa-sha1; c=simple; d=example.com; s=s1; h=from:subject"
    signed = b"From: Alice <alice@example.com>\r\nSubject: Lunch\r\n"
    octets = domainkeys(message(), tags, signed=signed)
    assert one(octets).passed
    assert one(octets.replace(b"To: Bob", b"To: Eve")).passed
    assert one(octets.replace(b"Lunch", b"Dinner")).reason is Reason.SIGNATURE


def test_only_so_many_are_checked_and_the_rest_is_named() -> None:
    octets = domainkeys(domainkeys(message()))
    verdicts = verify(octets, ZONE, now=0, rules=ARCHIVE, limits=Limits(signatures_checked=1))
    assert verdicts[1].reason is Reason.TOO_MANY_SIGNATURES


def test_names_beyond_the_limit_are_not_asked_for() -> None:
    octets = message()
    for number in range(9):
        octets = domainkeys(octets, f"c=simple; d=example.com; s=k{number}")
    zone = Zone({})
    verdicts = verify(octets, zone, now=0, rules=ARCHIVE, limits=Limits(key_names=3))
    assert len(zone.asked) == 3
    assert [v.reason for v in verdicts[3:]] == [Reason.TOO_MANY_SIGNATURES] * 6


def test_the_body_is_canonicalized_once_for_each_form() -> None:
    octets = message()
    for number in range(9):
        form = ("simple", "nofws")[number % 2]
        octets = domainkeys(octets, f"c={form}; d=example.com; s=s1; h=from")
    verifier = DomainKeysVerifier(Header.parse(bytes(split(octets)[0])), rules=ARCHIVE)
    assert len(verifier._forms) == 2


def test_another_record_at_the_same_name_is_tried() -> None:
    other = record_for(RSA_2048).removeprefix("v=DKIM1; ")
    assert one(domainkeys(message()), {KEY_NAME: ["hello", other, RECORD]}).passed


def test_names_in_h_have_a_limit() -> None:
    tags = "c=simple; d=example.com; s=s1; h=from:to:subject"
    verdict = one(domainkeys(message(), tags), limits=Limits(signed_names=2))
    assert verdict.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        pytest.param("alice@example.com", None, id="bare"),
        pytest.param("Alice <alice@example.com>", None, id="angle"),
        pytest.param('"a@b.example" <alice@example.com>', None, id="behind-the-last-angle"),
        pytest.param("Alice (x) alice@example.com", None, id="behind-a-comment"),
        pytest.param("x@ alice@example.com", None, id="a-sign-without-a-domain"),
        pytest.param("alice@example.com, eve@example.net", None, id="the-first-counts"),
        pytest.param("eve@example.net, alice@example.com", Reason.DOMAIN_MISMATCH, id="not-second"),
        pytest.param("alice@.example.com", Reason.DOMAIN_MISMATCH, id="no-name"),
        pytest.param("alice", None, id="without-an-address-from-counts"),
    ],
)
def test_the_sender_is_the_first_address(sender: str, reason: Reason | None) -> None:
    assert one(domainkeys(message(sender=sender))).reason is reason


@pytest.mark.parametrize(
    ("sender", "fits"),
    [("al@example.com", True), ("<al@example.com>", True), ("(al@example.com", True),
     ("x.al@example.com", False), ("xal@example.com", False)],
)  # fmt: skip
def test_its_local_part_is_what_stands_before_the_sign(sender: str, fits: bool) -> None:
    verdict = one(domainkeys(message(sender=sender)), {KEY_NAME: "g=al; " + RECORD})
    assert verdict.reason is (None if fits else Reason.KEY_GRANULARITY)


def test_verdicts_of_both_kinds_come_in_header_order() -> None:
    octets = domainkeys(craft(message(), RSA_1024))
    verdicts = verify(octets, ZONE, now=0, rules=ARCHIVE)
    assert [(v.place, v.passed) for v in verdicts] == [(0, True), (1, True)]


async def test_asynchronously_the_same() -> None:
    octets = domainkeys(craft(message(), RSA_1024))
    verdicts = await averify(octets, ZONE, now=0, rules=ARCHIVE)
    assert [v.passed for v in verdicts] == [True, True]
