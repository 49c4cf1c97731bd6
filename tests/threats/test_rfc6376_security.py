"""The security considerations of RFC 6376 §8, and every check on the side of the key."""

from __future__ import annotations

from typing import Any

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, ZONE, craft, only, rsa_record

from avowal import Caution, Intent, Reason, Result, Rules, sign, verify
from avowal.crypto.signing import PrivateKey
from avowal.dkim.rules import STRICT
from avowal.errors import IntentError
from avowal.testing import ED25519, RSA_1024, RSA_2048, Zone, message, record_for, tamper

RECORD = ZONE[KEY_NAME]
OPTIONS: dict[str, Any] = {"domain": "example.com", "selector": "s1", "key": ED25519}


def test_8_1_a_picture_of_white_space_is_guarded_by_simple() -> None:
    art = "/\\    /\\\r\n"
    simple = sign(message(art), body_canon="simple", **OPTIONS)
    relaxed = sign(message(art), **OPTIONS)
    moved = message(art.replace("    ", " "))
    assert only(relaxed + moved).passed  # which is what relaxed means
    assert only(simple + moved).reason is Reason.BODY_HASH


def test_8_2_a_mime_boundary_cannot_bring_a_second_text_behind_l() -> None:
    head = {"content_type": "multipart/alternative; boundary=b"}
    body = "--b\r\n\r\nyes\r\n--b--\r\n"
    octets = craft(message(body, **head), tags={"l": str(len(body))})
    assert only(octets).passed
    assert not only(octets + b"--b\r\nContent-Type: text/html\r\n\r\nno\r\n--b--\r\n").passed


def test_8_2_a_content_type_that_is_not_signed_is_pointed_out() -> None:
    verdict = only(craft(message(), tags={"h": "from:to:subject:date"}))
    assert Caution.CONTENT_TYPE_UNSIGNED in verdict.warnings
    strict = only(craft(message(), tags={"h": "from:to:subject:date"}), rules=STRICT)
    assert strict.reason is Reason.REQUIRED_FIELD


def test_8_2_a_changed_content_type_breaks_our_own_signatures() -> None:
    octets = sign(message(), **OPTIONS) + message()
    assert not only(octets.replace(b"text/plain", b"text/html")).passed


def test_8_4_the_keys_of_one_message_are_few() -> None:
    octets = message()
    for number in range(30):
        octets = craft(octets, tags={"s": f"x{number}"})
    zone = Zone({})
    verify(octets, zone, now=SIGNED_AT)
    assert len(zone.asked) == 20


def test_8_5_an_alias_to_another_domain_is_an_alias_only() -> None:
    zone = {KEY_NAME: {"CNAME": "x.evil.example"}, "x.evil.example": RECORD}
    assert only(craft(message()), zone).domain == "example.com"


def test_8_6_equal_signatures_are_recognizable() -> None:
    first, second = only(craft(message())), only(craft(message()))
    assert first.signature is not None
    assert second.signature is not None
    assert first.signature.signature == second.signature.signature


def test_8_7_one_selector_can_be_withdrawn_and_the_others_stay() -> None:
    octets = craft(craft(message()), tags={"s": "s2"})
    zone = {KEY_NAME: "v=DKIM1; p=", "s2._domainkey.example.com": RECORD}
    assert [v.passed for v in verify(octets, zone, now=SIGNED_AT)] == [True, False]


def test_8_12_signatures_that_sign_signatures_are_pointed_out() -> None:
    octets = craft(message(), tags={"h": "from:to:subject:date:content-type:dkim-signature"})
    assert Caution.SIGNS_SIGNATURES in only(octets).warnings


def test_8_12_reordered_fields_of_one_name_break_the_signature() -> None:
    octets = sign(message(references=["<1@x>", "<2@x>"]), **OPTIONS)
    assert not only(octets + message(references=["<2@x>", "<1@x>"])).passed


def test_8_13_an_exponent_beyond_32_bits_is_not_worked_with() -> None:
    record = rsa_record(2048, exponent=(1 << 33) + 1)
    assert only(craft(message(), RSA_2048), {KEY_NAME: record}).reason is Reason.KEY_EXPONENT


def test_8_14_a_parent_signs_for_a_child_unless_its_key_forbids_it() -> None:
    octets = craft(message(), tags={"i": "a@child.example.com"})
    assert only(octets).passed
    assert only(octets, {KEY_NAME: RECORD + "; t=s"}).reason is Reason.KEY_SUBDOMAIN


@pytest.mark.parametrize("name", ["From", "Subject"])
@pytest.mark.parametrize("place", ["above", "below"])
def test_8_15_an_added_field_beside_a_signed_one_does_not_pass(name: str, place: str) -> None:
    added = f"{name}: m@evil.example\r\n".encode()
    plain = message()
    forged = added + plain if place == "above" else plain.replace(b"To:", added + b"To:")
    verdict = only(craft(forged, signed=plain))
    assert verdict.result in {Result.POLICY, Result.FAIL}


def test_8_15_our_own_signatures_break_by_an_added_field_everywhere() -> None:
    octets = sign(message(), **OPTIONS) + message()
    for name in ("From", "Subject", "To", "Cc", "Date", "Reply-To", "Content-Type"):
        assert only(f"{name}: x\r\n".encode() + octets).result is Result.FAIL


def test_8_15_several_from_are_pointed_out_even_when_all_are_signed() -> None:
    octets = craft(
        b"From: b@example.com\r\n" + message(),
        tags={"h": "from:from:to:subject:date:content-type"},
    )
    assert Caution.SEVERAL_FROM in only(octets).warnings
    rules = Rules(refuse_several_from=True)
    assert only(octets, rules=rules).reason is Reason.ADDED_FIELD


def test_8_15_a_message_with_two_from_is_not_signed() -> None:
    with pytest.raises(IntentError, match="From: 2 of them"):
        sign(b"From: b@example.com\r\n" + message(), **OPTIONS)


# --- the side of the key --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "records", "reason"),
    [
        pytest.param(ED25519, RECORD + "; h=sha512", Reason.KEY_HASH, id="h"),
        pytest.param(ED25519, RECORD.replace("k=ed25519", "k=rsa"), Reason.KEY_ALGORITHM, id="k"),
        pytest.param(RSA_2048, RECORD, Reason.KEY_ALGORITHM, id="k-of-another-type"),
        pytest.param(ED25519, RECORD + "; s=tlsrpt", Reason.KEY_SERVICE, id="s"),
        pytest.param(ED25519, RECORD.replace("DKIM1", "DKIM2"), Reason.NO_KEY, id="v"),
        pytest.param(ED25519, "v=DKIM1; k=ed25519; p=", Reason.KEY_REVOKED, id="revoked"),
        pytest.param(RSA_2048, rsa_record(512), Reason.KEY_TOO_SHORT, id="512-bits"),
        pytest.param(RSA_2048, rsa_record(16384), Reason.KEY_TOO_LONG, id="16k-bits"),
        pytest.param(ED25519, "v=spf1 ip4:192.0.2.1 -all", Reason.NO_KEY, id="foreign-txt"),
        pytest.param(ED25519, ["x", "v=DMARC1; p=none"], Reason.KEY_SYNTAX, id="only-foreign-txt"),
    ],
)
def test_a_key_that_must_not_serve_does_not(key: PrivateKey, records: Any, reason: Reason) -> None:
    assert only(craft(message(), key), {KEY_NAME: records}).reason is reason


def test_a_key_for_its_own_domain_only_refuses_an_identity_below() -> None:
    octets = craft(message(), tags={"i": "a@b.example.com"})
    assert only(octets, {KEY_NAME: RECORD + "; t=s"}).reason is Reason.KEY_SUBDOMAIN


def test_a_foreign_txt_beside_the_key_does_no_harm() -> None:
    assert only(craft(message()), {KEY_NAME: ["v=spf1 -all", RECORD]}).passed


def test_the_smallest_key_passes_and_is_pointed_out() -> None:
    verdict = only(craft(message(), RSA_1024), {KEY_NAME: record_for(RSA_1024)})
    assert verdict.passed
    assert verdict.warnings == (Caution.SHORT_KEY,)


def test_one_good_signature_counts_whatever_the_others_are() -> None:
    intents = [
        Intent(**OPTIONS),
        Intent(domain="example.com", selector="s2", key=RSA_2048),
    ]
    octets = sign(message(), *intents) + message()
    assert [v.passed for v in verify(octets, ZONE)] == [True, False]


def test_a_changed_message_has_no_good_signature() -> None:
    octets = tamper(craft(craft(message())))
    assert [v.passed for v in verify(octets, ZONE, now=SIGNED_AT)] == [False, False]
