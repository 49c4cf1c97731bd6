"""policy.wishes: what each generation asks, and which signature would meet it."""

from __future__ import annotations

from typing import Any

import pytest

from avowal.examine.posts import CHOICE
from avowal.lookup import run
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.evidence import SignatureResult
from avowal.policy.wishes import wishes
from avowal.testing import Zone

HEADER = Header.parse(b"From: a@sub.example.com\r\n")
EXISTS: dict[str, Any] = {"sub.example.com": {"MX": ["10 mx.example.com"]}}
SIGNERS = ("sub.example.com", "example.com", "mail.example.com", "lists.example")
AUTHOR, PARENT, SIBLING, LIST = range(4)


def signed(domain: str, **values: Any) -> SignatureResult:
    return SignatureResult(domain=DomainName.parse(domain.encode()), result="pass", **values)


def asked(records: dict[str, str], header: Header = HEADER) -> list[tuple[str, set[int]]]:
    zone = Zone({**EXISTS, **records})
    found = run(wishes(header, CHOICE, [signed(name) for name in SIGNERS]), zone)
    return [(wish.sentence, set(wish.met_by)) for wish in found]


@pytest.mark.parametrize(
    ("name", "record", "text", "met_by"),
    [
        pytest.param(
            "_dmarc.example.com",
            "v=DMARC1; p=reject",
            "publishes p=reject",
            {AUTHOR, PARENT, SIBLING},
            id="DMARC, relaxed: the organizational domain",
        ),
        pytest.param(
            "_dmarc.example.com",
            "v=DMARC1; p=reject; adkim=s",
            "publishes p=reject",
            {AUTHOR},
            id="DMARC, strict: the same name",
        ),
        pytest.param(
            "_dmarc.example.com",
            "v=DMARC1; p=none; sp=quarantine",
            "publishes p=quarantine",
            {AUTHOR, PARENT, SIBLING},
            id="DMARC, by sp=",
        ),
        pytest.param(
            "_adsp._domainkey.sub.example.com",
            "dkim=all",
            "publishes ADSP dkim=all",
            {AUTHOR},
            id="ADSP all",
        ),
        pytest.param(
            "_adsp._domainkey.sub.example.com",
            "dkim=discardable",
            "publishes ADSP dkim=discardable",
            {AUTHOR},
            id="ADSP discardable",
        ),
        pytest.param(
            "_ssp._domainkey.sub.example.com",
            "dkim=strict",
            "publishes SSP 2007 dkim=strict",
            {AUTHOR},
            id="SSP 2007 strict",
        ),
        pytest.param(
            "_ssp._domainkey.sub.example.com",
            "dkim=all",
            "publishes SSP 2007 dkim=all",
            {AUTHOR, PARENT, SIBLING, LIST},
            id="SSP 2007 all: others may sign for it",
        ),
        pytest.param(
            "_policy._domainkey.sub.example.com",
            "o=-",
            "publishes SSP 2005 o=-",
            {AUTHOR, PARENT, SIBLING, LIST},
            id="SSP 2005 strong: others may sign for it",
        ),
        pytest.param(
            "_policy._domainkey.sub.example.com",
            "o=!",
            "publishes SSP 2005 o=!",
            {AUTHOR},
            id="SSP 2005 exclusive",
        ),
        pytest.param(
            "_policy._domainkey.sub.example.com",
            "o=.",
            "publishes SSP 2005 o=.",
            {AUTHOR},
            id="SSP 2005 never",
        ),
    ],
)
def test_a_wish_names_its_generation_and_who_meets_it(
    name: str, record: str, text: str, met_by: set[int]
) -> None:
    """RFC 9989 §4.4, RFC 5617 §2.7, RFC 5016 §5.3."""
    assert asked({name: record}) == [(f"sub.example.com {text}", met_by)]


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("_dmarc.example.com", "v=DMARC1; p=none"),
        ("_adsp._domainkey.sub.example.com", "dkim=unknown"),
        ("_policy._domainkey.sub.example.com", "o=~"),
        ("_policy._domainkey.sub.example.com", "o=!; t=y"),
        ("_ssp._domainkey.sub.example.com", "dkim=strict; t=y"),
    ],
)
def test_who_asks_for_nothing_has_no_wish(name: str, record: str) -> None:
    assert asked({name: record}) == []


def test_whom_the_author_authorized_signs_as_the_author() -> None:
    """RFC 6541 §6."""
    zone = Zone(
        {
            **EXISTS,
            "_adsp._domainkey.sub.example.com": "dkim=all",
            "lists.example._atps.sub.example.com": "v=ATPS1; d=lists.example",
        }
    )
    author = DomainName.parse(b"sub.example.com")
    by_list = signed("lists.example", atps=author, atpsh="none")
    (wish,) = run(wishes(HEADER, CHOICE, [by_list, signed("lists.example")]), zone)
    assert wish.met_by == {0}


def test_each_author_has_wishes_of_its_own() -> None:
    header = Header.parse(b"From: a@sub.example.com, b@other.example\r\n")
    records = {"_dmarc.other.example": "v=DMARC1; p=reject", "other.example": "v=spf1 -all"}
    assert asked(records, header) == [("other.example publishes p=reject", set())]
