"""Which signatures are checked first."""

from __future__ import annotations

import pytest

from avowal.dkim.authors import Authors
from avowal.message import Header
from avowal.names import DomainName


def distance(fields: bytes, domain: str) -> int:
    return Authors(Header.parse(fields)).distance(DomainName.parse(domain.encode()))


@pytest.mark.parametrize(
    ("fields", "domain", "expected"),
    [
        pytest.param(b"From: A <a@Example.com>", "example.COM", 0, id="the-same-domain"),
        pytest.param(b"From: a@sub.example.com", "example.com", 1, id="a-parent"),
        pytest.param(b"From: a@example.com", "sub.example.com", 2, id="a-subdomain-is-not"),
        pytest.param(b"From: a@notexample.com", "example.com", 2, id="no-label-boundary"),
        pytest.param(b"From: a@x.net, b@example.com", "example.com", 0, id="the-second-author"),
        pytest.param(b"From: a@x.net\r\nFrom: b@y.net", "y.net", 0, id="the-second-field"),
        pytest.param("From: a@bücher.example".encode(), "bücher.example", 0, id="u-label"),
        pytest.param("From: a@BÜCHER.example".encode(), "xn--bcher-kva.example", 0, id="a-label"),
        pytest.param(b"To: a@example.com", "example.com", 2, id="no-from"),
        pytest.param(b"From: nobody", "example.com", 2, id="no-address"),
    ],
)
def test_the_distance_of_a_domain_from_the_author(
    fields: bytes, domain: str, expected: int
) -> None:
    assert distance(fields, domain) == expected


def test_only_so_many_domains_are_looked_at() -> None:
    fields = b"From: " + b", ".join(b"x@%d.net" % number for number in range(11))
    assert distance(fields, "9.net") == 0
    assert distance(fields, "10.net") == 2


def test_only_so_many_addresses_are_tried() -> None:
    junk = b"@., " * 1000
    assert distance(b"From: " + junk[4:] + b"a@example.com", "example.com") == 0
    assert distance(b"From: " + junk + b"a@example.com", "example.com") == 2
