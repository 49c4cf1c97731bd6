"""What a person is shown about who answers for a message."""

from __future__ import annotations

import pytest

import avowal
from avowal.message import Message
from avowal.reputation.display import AuthorMatch, Display, display
from avowal.testing import RSA_2048, Zone, message, record_for


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
