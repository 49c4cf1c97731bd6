"""Nobody signs for an author whom readers may show otherwise."""

from __future__ import annotations

from typing import Any

import pytest

SITE = """
[signing]
default_author = "list@example.com"
[keys.ed]
inline = "ed"
selector = "ed"
[[signing.rules]]
from = "example.com"
keys = ["ed"]
[origin]
internal_hosts = ["192.0.2.0/24"]
"""
DOUBTFUL = {
    "text-behind-a-domain": b"a@example.com..evil.example",
    "comma-behind-a-domain": b"<a@example.com,evil.example>",
    "quote-behind-a-domain": b'a@example.com"q".evil.example',
    "escape-behind-a-domain": b"a@example.com\\.evil.example",
    "literal-behind-a-domain": b"a@example.com[.evil.example]",
    "space-in-a-domain": b"a@example.com .evil.example",
    "nul": b"a@example.com\x00",
    "bare-cr": b"a@example.com\r <b@evil.example>",
    "quoted-author": b'"b@evil.example", a@example.com',
}


def header(value: bytes) -> bytes:
    return b"From: " + value + b"\r\nSubject: s\r\n\r\nbody\r\n"


@pytest.mark.parametrize("value", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_nobody_signs_where_readers_may_show_another_author(site: Any, value: bytes) -> None:
    treatment = site(SITE).treatment(header(value), client="192.0.2.1")
    assert not treatment.sign
    assert "for certain" in treatment.why


def test_nobody_signs_beside_a_field_that_reads_as_from(site: Any) -> None:
    octets = b"From\x00: b@evil.example\r\n" + header(b"a@example.com")
    assert not site(SITE).treatment(octets, client="192.0.2.1").sign


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"a@example.com", id="plain"),
        pytest.param(b"Joe, Inc. <a@example.com>", id="comma"),
        pytest.param(b"a@example.com <a@example.com>", id="address-as-name"),
        pytest.param(b"Support [ACME] <a@example.com>", id="brackets"),
        pytest.param(b"nobody", id="the-default-author-for-no-address"),
    ],
)
def test_what_people_write_is_signed(site: Any, value: bytes) -> None:
    assert site(SITE).treatment(header(value), client="192.0.2.1").sign
