"""What policies take from verifications and header fields."""

from __future__ import annotations

import pytest
from tests.evidence import name

import avowal
from avowal.limits import Limits
from avowal.message import Header
from avowal.policy.evidence import SignatureResult, candidates
from avowal.policy.spf import SpfResult, SpfWord
from avowal.testing import ED25519, message, record_for, tamper

NOW = 1_795_500_000
INTENT = {"domain": "example.com", "selector": "s1", "identity": "@a.example.com"}
SIGNED = avowal.sign(message(), key=ED25519, now=NOW, **INTENT) + message()
TAGS = b"v=1; a=rsa-sha256; s=s; h=from; bh=YQ==; b=YQ=="


def taken(octets: bytes, record: str) -> SignatureResult:
    (verdict,) = avowal.verify(octets, {"s1._domainkey.example.com": record}, now=NOW)
    found = SignatureResult.of(verdict)
    assert found is not None
    return found


def test_a_pass_carries_domain_identity_selector_and_names() -> None:
    found = taken(SIGNED, record_for(ED25519))
    assert found.passed
    assert (found.domain.ascii, str(found.auid)) == ("example.com", "@a.example.com")
    assert found.selector == name("s1")
    assert b"from" in found.signed_names


def test_a_tampered_message_fails_and_keeps_its_domain() -> None:
    found = taken(tamper(SIGNED), record_for(ED25519))
    assert (found.result, found.domain.ascii) == ("fail", "example.com")


def test_a_testing_key_is_told() -> None:
    assert taken(SIGNED, record_for(ED25519) + "; t=y").testing


@pytest.mark.parametrize(
    ("field", "domain"),
    [
        pytest.param(TAGS + b"; d=example.com; d2", "example.com", id="unreadable-with-a-domain"),
        pytest.param(TAGS, None, id="without-a-domain"),
        pytest.param(TAGS + b"; d=-", None, id="domain-that-is-no-name"),
    ],
)
def test_an_unreadable_signature_counts_with_its_domain_or_not_at_all(
    field: bytes, domain: str | None
) -> None:
    octets = b"DKIM-Signature: " + field + b"\r\nFrom: a@example.com\r\n\r\n"
    (verdict,) = avowal.verify(octets, {}, now=NOW)
    found = SignatureResult.of(verdict)
    assert (None if found is None else found.domain.ascii) == domain
    assert found is None or not found.passed


def header(*fields: bytes) -> Header:
    return Header.parse(b"".join(b"DKIM-Signature: %s\r\n" % field for field in fields))


def test_candidates_are_read_before_anything_is_verified() -> None:
    tags = b"; d=t.example; atps=example.com; atpsh=none"
    (found,) = candidates(header(TAGS + tags))
    assert (found.result, found.domain.ascii, found.atpsh) == ("none", "t.example", "none")
    assert found.atps == name("example.com")


def test_candidates_are_capped_and_unreadable_fields_left_out() -> None:
    fields = [b"nonsense", *(TAGS + b"; d=d%d.example" % n for n in range(9))]
    found = candidates(header(*fields), limits=Limits(signatures_checked=3))
    assert [one.domain.ascii for one in found] == ["d0.example", "d1.example", "d2.example"]


def test_an_spf_result_is_evidence_of_its_domain() -> None:
    found = SpfResult(word=SpfWord.PASS, scope="helo", domain=name("mx.example")).envelope
    assert (found.passed, found.scope) == (True, "helo")
    assert not SpfResult(word=SpfWord.PASS, scope="mfrom", domain=None).envelope.passed
