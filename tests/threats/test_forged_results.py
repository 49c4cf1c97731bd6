"""Forged results (RFC 8601 §7.1, RFC 4686 §2.3.3): our id is found in every disguise."""

from __future__ import annotations

from email import message_from_bytes

import pytest

from avowal.authres import forged, read
from avowal.message import Header

NAME = b"Authentication-Results:"
IDS = {"mx.example.org", "bücher.example"}

DISGUISES = [
    pytest.param(b" mx.example.org; dkim=pass", id="none"),
    pytest.param(b"mx.example.org; dkim=pass", id="no-space"),
    pytest.param(b" MX.eXaMpLe.ORG; dkim=pass", id="case"),
    pytest.param(b" (a comment) mx.example.org; dkim=pass", id="comment-before"),
    pytest.param(b" (a (nested\\) one)) mx.example.org; dkim=pass", id="nested-comment-before"),
    pytest.param(b" mx.example.org(x); dkim=pass", id="comment-behind"),
    pytest.param(b' "mx.example.org"; dkim=pass', id="quoted"),
    pytest.param(b' "\\m\\x.example.org"; dkim=pass', id="quoted-pairs"),
    pytest.param(b' " mx.example.org "; dkim=pass', id="spaces-within-quotes"),
    pytest.param(b' "mx.example.org evil"; dkim=pass', id="more-within-quotes"),
    pytest.param(b" mx.example.org 1; dkim=pass", id="version-1"),
    pytest.param(b" mx.example.org 2; dkim=pass", id="version-2"),
    pytest.param(b" mx.example.org/1; dkim=pass", id="version-by-slash"),
    pytest.param(b" mx.example.org.; dkim=pass", id="final-dot"),
    pytest.param(b"\r\n mx.example.org\r\n ;\r\n dkim=pass", id="folds"),
    pytest.param(b"\t \t\r\n\t mx.example.org\t; dkim=pass", id="white-space"),
    pytest.param(b" xn--bcher-kva.example; dkim=pass", id="a-label-of-a-u-label"),
    pytest.param("BÜCHER.example; dkim=pass".encode(), id="u-label-in-capitals"),
    pytest.param("bu\u0308cher.example; dkim=pass".encode(), id="u-label-decomposed"),
    pytest.param("bücher.example; dkim=pass".encode("latin-1"), id="u-label-in-latin-1"),
    pytest.param("mx\u3002example\u3002org; dkim=pass".encode(), id="ideographic-dots"),
    pytest.param("ｍｘ.example.org; dkim=pass".encode(), id="full-width-letters"),
    pytest.param("\u00a0mx.example.org; dkim=pass".encode(), id="no-break-space"),
    pytest.param("mx.exam\u200bple.org; dkim=pass".encode(), id="zero-width-space"),
    pytest.param("mx.exam\u00adple.org; dkim=pass".encode(), id="soft-hyphen"),
    pytest.param(b" mx.exam\xffple.org; dkim=pass", id="octets-that-are-no-utf-8"),
    pytest.param(b" mx.example.org; dkim=pass (\xe9)", id="8-bit-garbage-elsewhere"),
    pytest.param(b" mx.exam\x00ple.org; dkim=pass", id="nul"),
    pytest.param(b" mx.example.org\x0b; dkim=pass", id="vertical-tab"),
    pytest.param(b" mx.example.org", id="no-results"),
    pytest.param(b" mx.example.org dkim=pass", id="no-semicolon"),
    pytest.param(b" mx.example.org; dkim=pass;;", id="two-semicolons"),
    pytest.param(b" x; dkim=pass (open mx.example.org; dkim=pass", id="comment-not-closed"),
    pytest.param(b' "mx.example.org; dkim=pass', id="string-not-closed"),
    pytest.param(b" mx.\r\n example.org; dkim=pass", id="fold-within-the-id"),
    pytest.param(b" mx(x).example.org mx.example.org; dkim=pass", id="comment-within-the-id"),
    pytest.param(b" a.example; none\r\n Authentication-Results: mx.example.org; x", id="nested"),
    pytest.param(b" =?us-ascii?q?mx=2Eexample=2Eorg?=; dkim=pass", id="encoded-word-q"),
    pytest.param(b" =?utf-8?B?bXguZXhhbXBsZS5vcmc=?=; dkim=pass", id="encoded-word-b"),
    pytest.param(b" =?utf-8?b?IG14LmV4YW1wbGUub3Jn?=; dkim=pass", id="encoded-word-b-and-a-space"),
    pytest.param(b" =?utf-8?b?bXguZXhhbXBsZS5vcmc?=; dkim=pass", id="encoded-word-b-no-padding"),
    pytest.param(b" =?utf-8?b?bXguZXhh=bXBsZS5vcmc?=; dkim=pass", id="encoded-word-b-padded"),
    pytest.param(
        b" =?utf-8?q?==6Dx.example.org mx=2Eexample=2Eorg?=; dkim=pass",
        id="encoded-word-q-and-no-escape",
    ),
    pytest.param(b" spf=pass; dkim=pass header.d=mx.example.org", id="unreadable-mention"),
]


@pytest.mark.parametrize("value", DISGUISES)
def test_a_disguised_claim_is_deleted(value: bytes) -> None:
    header = Header.parse(NAME + value + b"\r\nFrom: a@b.example\r\n")
    assert [forgery.place for forgery in forged(header, IDS)] == [0]


@pytest.mark.parametrize(
    "name", [b"authentication-RESULTS:", b"Authentication-Results :", b"AUTHENTICATION-RESULTS\t:"]
)
def test_the_name_can_be_disguised_too(name: bytes) -> None:
    header = Header.parse(name + b" mx.example.org; dkim=pass\r\n")
    assert len(forged(header, IDS)) == 1


HIDDEN = [
    pytest.param(b"X-Note: y\rAuthentication-Results: mx.example.org; dkim=pass", id="cr"),
    pytest.param(b"X-Note: y\nAuthentication-Results: mx.example.org; dkim=pass", id="lf"),
    pytest.param(b"Subject: y\rX: z\rAuthentication-Results: mx.example.org; x", id="second-line"),
    pytest.param(b"X-Note: y\rauthentication-RESULTS: (x) MX.example.org; x", id="disguised"),
    pytest.param(b"X-Note: y\rAuthentication-Results:\r\n\tmx.example.org; x", id="fold"),
    pytest.param(b"X-Note: y\rAuthentication-Results:\r mx.example.org; x", id="fold-by-cr"),
    pytest.param(b"Authentication-Results: mx.else.example; none\r"
                 b"Authentication-Results: mx.example.org; x", id="in-results-of-another"),
]  # fmt: skip
INNOCENT = [
    pytest.param(b"X-Note: y\rAuthentication-Results: mx.else.example; dkim=pass", id="another-id"),
    pytest.param(b"X-Note: y\r Authentication-Results: mx.example.org; x", id="a-fold"),
    pytest.param(b"X-Note: Authentication-Results: mx.example.org; x", id="text"),
    pytest.param(b"X-Note: y\r", id="nothing-behind-it"),
]


def with_a_true_field_around(field: bytes) -> Header:
    return Header.parse(b"X-Note: true\r\n" + field + b"\r\nFrom: a@b.example\r\n")


@pytest.mark.parametrize("field", HIDDEN)
def test_results_behind_a_bare_line_break_are_deleted_with_their_field(field: bytes) -> None:
    """Python's `email` ends a line there, and shows a field that stands in our name."""
    header = with_a_true_field_around(field)
    (found,) = forged(header, IDS)
    assert found.place == 1
    name = header.names[1]
    assert (found.name.lower(), found.index) == (name, 2 if name == b"x-note" else 1)


@pytest.mark.parametrize("field", HIDDEN)
def test_python_shows_them(field: bytes) -> None:
    shown = message_from_bytes(with_a_true_field_around(field).octets + b"\r\n")
    values = map(str, shown.get_all("Authentication-Results", []))
    assert any("mx.example.org" in value.lower() for value in values)


@pytest.mark.parametrize("field", INNOCENT)
def test_a_bare_line_break_alone_deletes_nothing(field: bytes) -> None:
    assert not forged(with_a_true_field_around(field), IDS)


def test_all_are_found_at_once() -> None:
    values = [param.values[0] for param in DISGUISES]
    genuine = NAME + b" elsewhere.example; dkim=pass"
    lines = [line for value in values for line in (NAME + bytes(value), genuine)]  # type: ignore[arg-type]
    found = forged(Header.parse(b"\r\n".join(lines)), IDS)
    assert [forgery.place for forgery in found] == list(range(0, 2 * len(values), 2))
    assert [forgery.index for forgery in found] == list(range(1, 2 * len(values), 2))


def test_some_disguises_are_believed_by_a_reader_that_trusts_us() -> None:
    """Of these speaks the next test, which would hold of values that nobody believes."""
    values = [bytes(param.values[0]) for param in DISGUISES]  # type: ignore[arg-type]
    believed = [value for value in values if read(NAME + value + b"\r\n", trusted=IDS).results]
    assert believed


@pytest.mark.parametrize("value", DISGUISES)
def test_what_a_reader_would_trust_the_border_deletes(value: bytes) -> None:
    """Nothing that `read` believes escapes `forged`: the two never disagree."""
    octets = NAME + value + b"\r\n"
    if read(octets, trusted=IDS).results:
        assert forged(Header.parse(octets), IDS)
