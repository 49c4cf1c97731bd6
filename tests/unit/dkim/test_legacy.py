"""DomainKeys (RFC 4870), behind the archive rules."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from tests.crafting import KEY_NAME, craft

from avowal import Limits, Reason, Verification, averify, verify
from avowal.dkim.rules import ARCHIVE
from avowal.message import split
from avowal.testing import RSA_1024, message, record_for, tamper

RECORD = record_for(RSA_1024).removeprefix("v=DKIM1; ")
ZONE = {KEY_NAME: RECORD}
READ_ONLY = ARCHIVE.but(accept_drafts=False)


def domainkeys(
    octets: bytes, tags: str = "a=rsa-sha1; c=simple; d=example.com; s=s1", *, signed: bytes = b""
) -> bytes:
    """Sign as RFC 4870 did: header, blank line, body in one hash (c=simple).

    `signed` are the fields of h=; without it all below count.
    """
    head, body = split(octets)
    head = signed or head
    separator = b"\r\n" if body else b""
    digest = hashlib.sha1(head + separator + bytes(body), usedforsecurity=False).digest()
    handle = RSA_1024._handle
    assert isinstance(handle, RSAPrivateKey)
    signature = handle.sign(digest, PKCS1v15(), Prehashed(hashes.SHA1()))
    field = f"DomainKey-Signature: {tags}; b={base64.b64encode(signature).decode()}\r\n"
    return field.encode() + octets


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


def test_verdicts_of_both_kinds_come_in_header_order() -> None:
    octets = domainkeys(craft(message(), RSA_1024))
    verdicts = verify(octets, ZONE, now=0, rules=ARCHIVE)
    assert [(v.place, v.passed) for v in verdicts] == [(0, True), (1, True)]


async def test_asynchronously_the_same() -> None:
    octets = domainkeys(craft(message(), RSA_1024))
    verdicts = await averify(octets, ZONE, now=0, rules=ARCHIVE)
    assert [v.passed for v in verdicts] == [True, True]
