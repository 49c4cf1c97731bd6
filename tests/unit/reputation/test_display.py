"""What a person is shown about who answers for a message."""

from __future__ import annotations

import pytest

import avowal
from avowal.message import Message
from avowal.reputation.display import Advice, AuthorMatch, Display, advice, display
from avowal.testing import RSA_2048, Zone, message, record_for, tamper


def shown(author: str, signer: str | None) -> Display:
    octets = message(**{"from": author})
    zone = {}
    if signer is not None:
        zone = {f"s._domainkey.{signer}": record_for(RSA_2048)}
        octets = avowal.sign(octets, domain=signer, selector="s", key=RSA_2048) + octets
    return display(Message.parse(octets).header, avowal.verify(octets, Zone(zone)))


@pytest.mark.parametrize(
    ("author", "signer", "match"),
    [
        ("alice@example.com", "example.com", AuthorMatch.AUTHOR),
        ("alice@news.example.com", "example.com", AuthorMatch.RELATED),
        ("alice@example.com", "mail.example.com", AuthorMatch.RELATED),
        ("alice@bigexample.com", "example.com", AuthorMatch.OTHER),
        ("alice@example.com", "esp.example", AuthorMatch.OTHER),
        ("alice@example.com", None, AuthorMatch.NOBODY),
        ("a@example.com, b@other.example", "example.com", AuthorMatch.OTHER),
    ],
)
def test_the_signer_is_compared_with_the_author_by_whole_labels(
    author: str, signer: str | None, match: AuthorMatch
) -> None:
    assert shown(author, signer).match is match


def test_the_address_is_shown_and_a_misleading_display_name_noted() -> None:
    """RFC 4686 §4.1.15."""
    seen = shown('"ceo@bank.example" <x@evil.example>', "evil.example")
    assert seen.authors == ("x@evil.example",)
    assert "looks like another address" in seen.notes[0]


def test_a_name_in_another_script_is_shown_in_both_forms() -> None:
    """RFC 4686 §4.2.2."""
    assert shown("a@bücher.example", None).authors == ("a@bücher.example (xn--bcher-kva.example)",)


def test_what_the_signatures_cover_is_told() -> None:
    seen = shown("alice@example.com", "example.com")
    assert {b"from", b"subject"} <= seen.signed_fields
    assert seen.whole_body


def test_a_field_that_is_signed_as_absent_is_not_called_covered() -> None:
    assert b"reply-to" not in shown("alice@example.com", "example.com").signed_fields


# -- what a program should show ----------------------------------------------------------------

ZONE_DATA = {
    "_dmarc.strict.example": "v=DMARC1; p=reject",
    **{f"s._domainkey.{name}": record_for(RSA_2048) for name in ("example.com", "esp.example")},
}


def signed(author: str, signer: str) -> bytes:
    octets = message(**{"from": author})
    return avowal.sign(octets, domain=signer, selector="s", key=RSA_2048, now=NOW) + octets


NOW = 1_795_500_000


@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        pytest.param(signed("a@example.com", "example.com"), Advice.MARK, id="the-author's-domain"),
        pytest.param(signed("a@other.example", "esp.example"), Advice.NAME, id="somebody-else"),
        pytest.param(message(), Advice.PLAIN, id="nobody"),
        pytest.param(tamper(signed("a@example.com", "example.com")), Advice.PLAIN, id="it-changed"),
        pytest.param(
            signed('"ceo@bank.example" <a@example.com>', "example.com"), Advice.WARN,
            id="another-address-in-the-display-name",
        ),
        pytest.param(message(**{"from": "a@strict.example"}), Advice.WARN, id="its-policy-fails"),
        pytest.param(
            b"From: b@bank.example\r\n" + signed("a@example.com", "example.com"), Advice.WARN,
            id="two-authors",
        ),
    ],
)  # fmt: skip
def test_a_program_is_advised_to(octets: bytes, wanted: Advice) -> None:
    zone = Zone(ZONE_DATA)
    found = avowal.authenticate(octets, zone, now=NOW)
    judged = avowal.verdict(octets, zone, now=NOW)
    assert advice(display(found.header, found.findings.dkim), judged) is wanted
