"""What tests of other programs get: messages, tampering, keys."""

from __future__ import annotations

import pytest

import avowal
from avowal.crypto.signing import PrivateKey
from avowal.errors import UsageError
from avowal.message import Message
from avowal.testing import ED25519, RSA_1024, RSA_2048, Zone, message, record_for, tamper


@pytest.mark.parametrize(
    ("key", "algorithm", "bits"),
    [
        pytest.param(RSA_2048, "rsa-sha256", 2048, id="RSA_2048"),
        pytest.param(RSA_1024, "rsa-sha256", 1024, id="RSA_1024"),
        pytest.param(ED25519, "ed25519-sha256", 256, id="ED25519"),
    ],
)
def test_each_key_signs_what_its_record_verifies(
    key: PrivateKey, algorithm: str, bits: int
) -> None:
    field = avowal.sign(message(), domain="example.com", selector="s1", key=key)
    zone = Zone({"s1._domainkey.example.com": record_for(key)})
    (verdict,) = avowal.verify(field + message(), zone)
    assert (verdict.passed, verdict.algorithm, key.bits) == (True, algorithm, bits)


@pytest.mark.parametrize(
    ("fields", "name", "values"),
    [
        pytest.param({}, b"subject", [b" Lunch"], id="as-it-is"),
        pytest.param({"subject": "Tea"}, b"subject", [b" Tea"], id="replaced"),
        pytest.param({"subject": None}, b"subject", [], id="left-out"),
        pytest.param({"reply_to": "x@y.example"}, b"reply-to", [b" x@y.example"], id="added"),
        pytest.param({"received": ["a", "b"]}, b"received", [b" a", b" b"], id="several"),
        pytest.param({"message_id": "<2@x>"}, b"message-id", [b" <2@x>"], id="underscore"),
    ],
)
def test_a_message_has_the_fields_asked_for(
    fields: dict[str, str | list[str] | None], name: bytes, values: list[bytes]
) -> None:
    header = Message.parse(message(**fields)).header
    assert [field.value for field in header.named(name)] == values


@pytest.mark.parametrize("body", ["x\r\n", b"x\r\n"])
def test_a_message_has_the_body_asked_for(body: str | bytes) -> None:
    assert Message.parse(message(body)).body == b"x\r\n"


@pytest.mark.parametrize(
    ("part", "before", "after"),
    [
        pytest.param("body", b"noon?\r\n", b"noon#\r\n", id="body"),
        pytest.param("subject", b"Subject: Lunch\r\n", b"Subject: Lunc#\r\n", id="field"),
    ],
)
def test_tampering_changes_one_octet(part: str, before: bytes, after: bytes) -> None:
    assert tamper(message(), part) == message().replace(before, after)


def test_tampering_twice_is_no_way_back() -> None:
    assert len({message(), tamper(message()), tamper(tamper(message()))}) == 3


@pytest.mark.parametrize(
    ("octets", "part"),
    [
        pytest.param(message(b""), "body", id="no-body"),
        pytest.param(message(b" \r\n"), "body", id="white-space-only"),
        pytest.param(message(), "cc", id="no-such-field"),
        pytest.param(message(subject=" "), "subject", id="empty-field"),
    ],
)
def test_nothing_to_change_is_an_error(octets: bytes, part: str) -> None:
    with pytest.raises(UsageError):
        tamper(octets, part)
