"""How a message differs from its z= copies (RFC 6376 §3.5 z=)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import avowal
from avowal.dkim.verification import Verification
from avowal.message import Header, Message
from avowal.report.differences import Difference, difference_text, differences
from avowal.testing import ED25519, Zone, message, record_for

ZONE = Zone({"e._domainkey.example.com": record_for(ED25519)})


def verified(
    change: Callable[[bytes], bytes], *, copies: bool = True
) -> tuple[Verification, Header]:
    text = message()
    field = avowal.sign(
        text, domain="example.com", selector="e", key=ED25519, now=1, copy_fields=copies
    )
    octets = field + change(text)
    (verification,) = avowal.verify(octets, ZONE, now=1)
    return verification, Message.parse(octets).header


def found(change: Callable[[bytes], bytes]) -> tuple[Difference, ...]:
    verification, header = verified(change)
    assert verification.signature is not None
    return differences(verification.signature, header)


def test_an_unchanged_header_has_no_differences() -> None:
    assert found(lambda octets: octets) == ()


def test_a_changed_value_is_shown_as_signed_and_as_received() -> None:
    (one,) = found(lambda octets: octets.replace(b"Subject: Lunch", b"Subject: [list] Lunch"))
    assert one == Difference(name=b"subject", signed=b"Lunch", received=b"[list] Lunch")


def test_a_removed_field_is_shown() -> None:
    (one,) = found(lambda octets: octets.replace(b"MIME-Version: 1.0\r\n", b""))
    assert one == Difference(name=b"mime-version", signed=b"1.0", received=None)


def test_an_added_field_is_shown() -> None:
    (one,) = found(lambda octets: b"Subject: new\r\n" + octets)
    assert one == Difference(name=b"subject", signed=None, received=b"new")


def test_white_space_alone_is_named_as_such() -> None:
    (one,) = found(lambda octets: octets.replace(b"Date: Tue, 24", b"Date: Tue,  24"))
    assert one.only_space


def test_the_text_names_signature_verdict_and_difference() -> None:
    verification, header = verified(lambda octets: octets.replace(b"Lunch", b"L\x1bnch\xff"))
    text = difference_text(verification, header)
    assert text is not None
    assert text.startswith("d=example.com s=e a=ed25519-sha256: ")
    assert "  subject\n    signed:   Lunch\n    received: L\\x1bnch\\xff\n" in text


def test_a_body_that_changed_is_told_from_a_header_that_did() -> None:
    verification, header = verified(lambda octets: octets + b"more\r\n")
    assert "no copied field differs" in (difference_text(verification, header) or "")


@pytest.mark.parametrize(
    ("change", "copies"),
    [
        pytest.param(lambda octets: octets, True, id="a pass"),
        pytest.param(lambda octets: octets + b"more\r\n", False, id="no copies"),
    ],
)
def test_there_is_nothing_to_tell_of(change: Callable[[bytes], bytes], copies: bool) -> None:
    assert difference_text(*verified(change, copies=copies)) is None
