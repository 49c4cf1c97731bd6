"""What must not be signed: malformed messages, intents that cannot be carried out."""

from __future__ import annotations

from typing import Any

import pytest

from avowal import Intent, Signature, Signer, sign, verify
from avowal.errors import IntentError, StateError, UsageError
from avowal.message import Field, Header, Message
from avowal.testing import ED25519, RSA_2048, message, record_for

NOW = 1_700_000_000
ZONE = {
    "s._domainkey.example.com": record_for(ED25519),
    "r._domainkey.example.com": record_for(RSA_2048),
}


def fields_of(octets: bytes, *intents: Intent, **settings: Any) -> tuple[Field, ...]:
    whole = Message.parse(octets)
    signer = Signer(whole.header, intents, now=NOW, **settings)
    signer.feed(whole.body)
    return signer.finish()


def verdicts(octets: bytes, **settings: Any) -> list[str]:
    return [str(v.result) for v in verify(octets, ZONE, now=NOW + 60, **settings)]


@pytest.mark.parametrize(
    ("octets", "field"),
    [
        pytest.param(message(**{"from": None}), "From", id="no-from"),
        pytest.param(message(**{"from": ["a@b.example", "c@d.example"]}), "From", id="two-from"),
        pytest.param(message(subject=["a", "b"]), "Subject", id="two-subjects"),
        pytest.param(message(content_type=["a", "b"]), "Content-Type", id="two-content-types"),
        pytest.param(b"no field\r\n" + message(), "header", id="a-line-that-is-no-field"),
    ],
)
def test_a_malformed_message_is_refused_with_a_reason(octets: bytes, field: str) -> None:
    with pytest.raises(IntentError) as caught:
        sign(octets, domain="example.com", selector="s", key=ED25519)
    assert caught.value.field == field


def test_the_refusal_can_be_switched_off() -> None:
    octets = message(subject=["a", "b"])
    options: dict[str, Any] = {"domain": "example.com", "selector": "s", "key": ED25519}
    field = sign(octets, accept_malformed=True, **options)
    assert verdicts(field + octets) == ["pass"]


def test_a_message_without_from_lists_it_all_the_same() -> None:
    octets = message(**{"from": None})
    intent = Intent(domain="example.com", selector="s", key=ED25519, oversigned=frozenset())
    (field,) = fields_of(octets, intent, accept_malformed=True)
    assert b"from" in Signature.parse(field).signed_names


@pytest.mark.parametrize(
    ("options", "field"),
    [
        pytest.param({"domain": "com"}, "d=", id="one-label"),
        pytest.param({"domain": "a b.example"}, "d=", id="no-domain"),
        pytest.param({"selector": ""}, "s=", id="no-selector"),
        pytest.param({"identity": "a@example.net"}, "i=", id="identity-elsewhere"),
        pytest.param({"identity": "example.com"}, "i=", id="no-identity"),
        pytest.param({"header_canon": "nofws"}, "c=", id="unknown-form"),
        pytest.param({"names": (b"subject",)}, "h=", id="from-not-wanted"),
        pytest.param({"names": (b"from", b"received")}, "h=", id="a-trace-field"),
        pytest.param({"names": (b"from", b"dkim-signature")}, "h=", id="a-signature"),
        pytest.param({"oversigned": frozenset({b"return-path"})}, "h=", id="return-path"),
        pytest.param({"lifetime": 0}, "x=", id="no-lifetime"),
        pytest.param({"other_tags": (("x y", b"1"),)}, "x y=", id="no-tag"),
        pytest.param({"other_tags": (("zz", b"1;v=2"),)}, "zz=", id="a-tag-within-a-tag"),
        pytest.param({"other_tags": (("zz", b"1\r\nBcc: x"),)}, "zz=", id="header-injection"),
    ],
)
def test_an_intent_that_cannot_be_carried_out_is_refused(
    options: dict[str, Any], field: str
) -> None:
    wanted = {"domain": "example.com", "selector": "s", "key": ED25519, **options}
    with pytest.raises(IntentError) as caught:
        fields_of(message(), Intent(**wanted))
    assert caught.value.field == field


def test_nothing_to_sign_with_is_refused() -> None:
    with pytest.raises(IntentError, match="no intent"):
        Signer(Header.parse(b"From: a@b.example\r\n"), [], now=NOW)


def test_half_of_a_key_is_refused() -> None:
    with pytest.raises(IntentError, match="belong together"):
        sign(message(), domain="example.com")
    with pytest.raises(IntentError, match="needed with a key"):
        sign(message(), key=ED25519)
    with pytest.raises(UsageError, match="unexpected keyword"):
        sign(message(), domain="example.com", selector="s", key=ED25519, colour="red")


def test_a_finished_signer_takes_no_more() -> None:
    whole = Message.parse(message())
    signer = Signer(
        whole.header, [Intent(domain="example.com", selector="s", key=ED25519)], now=NOW
    )
    signer.finish()
    with pytest.raises(StateError):
        signer.feed(b"x")
    with pytest.raises(StateError):
        signer.finish()
