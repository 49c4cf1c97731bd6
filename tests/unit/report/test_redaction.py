"""What a failure report shows of a message: hosts, domains, signatures, and no person."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.message import Header
from avowal.report.redaction import (
    MOST_ADDRESSES,
    MOST_FIELDS,
    MOST_OCTETS,
    MOST_READ,
    Redactor,
    redacted_header,
)

REDACTOR = Redactor(b"k" * 32)
ANNA = REDACTOR.local_part(b"anna.smith")


def test_the_same_local_part_is_hidden_the_same_way_and_another_another_way() -> None:
    """RFC 6590 §3."""
    assert REDACTOR.local_part(b"anna.smith") == ANNA
    assert REDACTOR.local_part(b"anna.smitt") != ANNA
    assert Redactor(b"l" * 32).local_part(b"anna.smith") != ANNA


def test_every_instance_is_replaced() -> None:
    """RFC 6590 §3 step 3."""
    text = b"for <anna.smith@a.example>, anna.smith@b.example; via anna.smith@c.example"
    assert REDACTOR.text(text) == text.replace(b"anna.smith", ANNA)


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        pytest.param(b"anna.smith@a.example", b"@a.example", id="plain"),
        pytest.param(b'"anna smith"@a.example', b"@a.example", id="quoted"),
        pytest.param("änna@a.example".encode(), b"@a.example", id="not-ascii"),
        pytest.param(b"a" * 64 + b"@a.example", b"@a.example", id="longest-local-part"),
    ],
)
def test_no_octet_of_a_local_part_is_left(written: bytes, domain: bytes) -> None:
    local = written.partition(b"@")[0].strip(b'"')
    for shown in (REDACTOR.address(written), REDACTOR.text(b"<" + written + b">")):
        assert domain in shown
        assert local not in shown


HEADER = Header.parse(
    b"Received: from mail.example.org (anna-laptop.local [192.0.2.1]) (Authenticated sender:\r\n"
    b" anna.smith) by mx.example.net (Postfix) with ESMTPSA id 4XYZ for <anna.smith@a.example>;\r\n"
    b" Mon, 30 Nov 2026 04:00:00 +0000 (Anna's time)\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; i=anna.smith@example.org;\r\n"
    b" h=From:Subject; bh=AAAA; b=BBBB; z=Subject:=20secret|From:anna.smith; private=Smith\r\n"
    b'From: "Anna Smith" <anna.smith@example.org>\r\n'
    b"To: Bob <bob@a.example>, anna.smith@a.example (Anna)\r\n"
    b"Subject: A secret of Anna Smith\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"X-Anna-Smith: anna.smith\r\n"
    b'Content-Type: text/plain; name="Smith.txt"\r\n'
)


def test_a_header_keeps_hosts_domains_and_signatures() -> None:
    shown = redacted_header(HEADER, REDACTOR)
    text = b" ".join(shown.octets.split())
    for kept in (
        b"from mail.example.org", b"[192.0.2.1]", b"by mx.example.net", b"with ESMTPSA",
        b"Mon, 30 Nov 2026 04:00:00 +0000", b"d=example.org", b"s=s1", b"h=From:Subject",
        b"bh=AAAA", b"Message-ID: <1@example.org>", b"From: <" + ANNA + b"@example.org>",
        b"i=" + ANNA + b"@example.org", b"Content-Type: text/plain",
    ):  # fmt: skip
        assert kept in text
    assert shown.left_out == 2


@pytest.mark.parametrize("person", [b"anna.smith", b"Anna", b"Smith", b"secret", b"bob", b"Bob"])
def test_a_header_names_no_person(person: bytes) -> None:
    assert person not in redacted_header(HEADER, REDACTOR).octets


def test_fields_and_octets_beyond_a_limit_are_left_out_and_counted() -> None:
    many = Header.parse(b"Date: now\r\n" * (MOST_FIELDS + 3))
    assert redacted_header(many, REDACTOR).left_out == 3
    large = Header.parse(b"DKIM-Signature: h=%s\r\nDate: now\r\n" % (b"a" * MOST_OCTETS))
    shown = redacted_header(large, REDACTOR)
    assert (shown.octets, shown.left_out) == (b"Date: now\r\n", 1)


@given(st.binary(max_size=300))
def test_any_octets_are_shown_as_fields_without_an_address_that_stood_there(octets: bytes) -> None:
    header = Header.parse(b"From: <hidden.person@x.example>" + octets + b"\r\n" + octets)
    shown = redacted_header(header, REDACTOR).octets
    assert b"hidden.person" not in shown
    Header.parse(shown)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b"Message-ID: <a\nBcc: x@y.example\n\nbody@b>", id="bare-lf-in-an-identifier"),
        pytest.param(b"Message-ID: <a\r.\r@b>", id="bare-cr"),
        pytest.param(b"Content-Type: text/plain\nSubject: secret", id="bare-lf-in-the-first-word"),
        pytest.param(b"Content-Type: %s\r\n\tb" % (b"a" * 254), id="a-fold-that-is-cut"),
        pytest.param(b"List-Id: <\x00\x0b\x7f>", id="controls"),
        pytest.param(b"DKIM-Signature: s=%s" % (b"a" * 2000), id="a-line-that-is-too-long"),
        pytest.param(b"Date: Mon\x00, 1 \x1b[2J", id="an-escape"),
    ],
)
def test_what_is_shown_is_one_field_that_mail_can_carry(field: bytes) -> None:
    """RFC 5322 §2.2, §2.1.1: a stranger's value begins no field and ends no message."""
    shown = redacted_header(Header.parse(field + b"\r\n"), REDACTOR)
    assert len(Header.parse(shown.octets)) == 1 - shown.left_out
    assert max(map(len, shown.octets.split(b"\r\n"))) <= 998
    assert not re.search(rb"[^\t\r\n -\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n", shown.octets)


def test_all_that_stands_before_the_sign_of_an_identity_is_hidden() -> None:
    shown = redacted_header(
        Header.parse(b"DKIM-Signature: d=b.example; i=anna b smith@b.example\r\n"), REDACTOR
    )
    assert b"anna" not in shown.octets
    assert b"@b.example" in shown.octets


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b"To: " + b"a@" * (MOST_ADDRESSES + 1), id="addresses"),
        pytest.param(b"Received: " + b"a " * (MOST_READ // 2 + 1), id="octets"),
    ],
)
def test_what_is_beyond_the_work_of_a_report_is_left_out(field: bytes) -> None:
    """A header of a megabyte took seconds, of which a report shows nothing."""
    shown = redacted_header(Header.parse(field + b"\r\nDate: now\r\n"), REDACTOR)
    assert (shown.octets, shown.left_out) == (b"Date: now\r\n", 1)
