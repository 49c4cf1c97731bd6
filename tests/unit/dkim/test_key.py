"""Key records, tag by tag: RFC 6376 §3.6.1."""

from __future__ import annotations

from typing import Any

import pytest

from avowal import KeyRecord, Limits, Reason
from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.publickey import PublicKeyFault
from avowal.dkim.key import ForeignRecord, KeyRecordFault, fits_granularity, read_record
from avowal.testing import ED25519, RSA_2048, record_for

RSA, ED = ALGORITHMS["rsa-sha256"], ALGORITHMS["ed25519-sha256"]


@pytest.mark.parametrize(
    ("octets", "name", "value"),
    [
        pytest.param(b"p=QUJD", "version", None, id="no-v"),
        pytest.param(b"v = DKIM1 ; p=QUJD", "version", "DKIM1", id="v"),
        pytest.param(b"p=QUJD", "key_type", "rsa", id="no-k"),
        pytest.param(b"k=dsa;p=QUJD", "key_type", "dsa", id="an-unknown-k"),
        pytest.param(b"p=QU JD", "key_text", b"QUJD", id="p-with-spaces"),
        pytest.param(b"p=", "revoked", True, id="p-empty"),
        pytest.param(b"p=QUJD", "revoked", False, id="p"),
        pytest.param(b"p=QUJD", "hashes", None, id="no-h"),
        pytest.param(b"p=x;h=sha1 : sha256:new", "hashes", ("sha1", "sha256", "new"), id="h"),
        pytest.param(b"p=x;h=", "hashes", ("",), id="h-empty-allows-nothing"),
        pytest.param(b"p=x", "services", ("*",), id="no-s"),
        pytest.param(b"p=x;s=email:tlsrpt", "services", ("email", "tlsrpt"), id="s"),
        pytest.param(b"p=x", "flags", (), id="no-t"),
        pytest.param(b"p=x;t=y:s:new", "testing", True, id="t-y"),
        pytest.param(b"p=x;t=y:s:new", "forbids_subdomains", True, id="t-s"),
        pytest.param(b"p=x;t=Y", "testing", False, id="the-case-of-flags-counts"),
        pytest.param(b"p=x;n=any = text", "notes", b"any = text", id="n"),
        pytest.param(b"p=x;g=a*", "granularity", b"a*", id="g"),
        pytest.param(b"p=x;zz=1", "other_tags", (("zz", b"1"),), id="unknown-tags"),
        pytest.param("p=x;n=ü".encode(), "notes", "ü".encode(), id="utf-8"),
    ],
)
def test_a_tag_is_read(octets: bytes, name: str, value: Any) -> None:
    assert getattr(KeyRecord.parse(octets), name) == value


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(b"", "no p=", id="nothing"),
        pytest.param(b"v=spf1 -all", "not DKIM1", id="spf"),
        pytest.param(b"hello world", "tag name", id="foreign-text"),
        pytest.param(b"v=DKIM1;k=rsa", "no p=", id="no-p"),
        pytest.param(b"v=DKIM1.0;p=x", "not DKIM1", id="another-version"),
        pytest.param(b"v=dkim1;p=x", "not DKIM1", id="small-letters"),
        pytest.param(b"p=x;v=DKIM1", "not the first", id="v-not-first"),
        pytest.param(b"p=x;p=y", "twice", id="p-twice"),
        pytest.param(b"p=x;;", "tag name", id="an-empty-spec"),
        pytest.param(b"p=x;t", "tag name", id="t-without-equals"),
        pytest.param(b"v=DKIM1\\; p=x", "not DKIM1", id="zone-file-escapes"),
        pytest.param(b"p=\x00", "0x00", id="nul"),
    ],
)
def test_a_malformed_record_is_refused(octets: bytes, why: str) -> None:
    with pytest.raises(KeyRecordFault, match=why):
        KeyRecord.parse(octets)


@pytest.mark.parametrize(
    ("octets", "foreign"),
    [
        pytest.param(b"v=DMARC1; p=none", True, id="dmarc"),
        pytest.param(b"v=spf1 -all", True, id="spf"),
        pytest.param(b"v=dkim1; p=x", True, id="small-letters"),
        pytest.param(b"hello world", False, id="text"),
        pytest.param(b"p=x; v=DKIM1", False, id="v-not-first"),
    ],
)
def test_a_record_of_another_version_is_foreign_not_malformed(octets: bytes, foreign: bool) -> None:
    assert isinstance(read_record(octets), ForeignRecord) is foreign  # RFC 6376 §3.6.1 v=


@pytest.mark.parametrize(
    ("octets", "noted"),
    [
        pytest.param(b"v=DKIM1; p=QU\nJD", True, id="lf"),
        pytest.param(b"v=DKIM1; p=QU\rJD", True, id="cr"),
        pytest.param(b"v=DKIM1; p=QU\r\nJD", True, id="crlf-without-white-space"),
        pytest.param(b"v=DKIM1; p=QUJD\n", True, id="at-the-end"),
        pytest.param(b"v=DKIM1;\np=QUJD", True, id="before-a-tag"),
        pytest.param(b"v=DKIM1; p=QU\r\n JD", False, id="a-fold"),
    ],
)
def test_a_line_break_that_is_no_fold_is_white_space_and_noted(octets: bytes, noted: bool) -> None:
    record = KeyRecord.parse(octets)  # RFC 6376 §2.8, §3.6.1
    assert (record.key_text, record.line_breaks) == (b"QUJD", noted)


def test_a_record_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(KeyRecordFault, match="longer than any key"):
        KeyRecord.parse(b"p=" + b"A" * 9000)
    assert KeyRecord.parse(b"p=AAAA", limits=Limits(key_record_octets=6)).key_text == b"AAAA"


def test_a_fault_is_a_value_and_is_remembered() -> None:
    fault = read_record(b"no record")
    assert isinstance(fault, KeyRecordFault)
    assert read_record(b"no record") is fault


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        pytest.param("", None, id="fits"),
        pytest.param("; h=sha256", None, id="hash-listed"),
        pytest.param("; h=sha1", Reason.KEY_HASH, id="hash-not-listed"),
        pytest.param("; s=email", None, id="email"),
        pytest.param("; s=x:*", None, id="any-service"),
        pytest.param("; s=tlsrpt", Reason.KEY_SERVICE, id="another-service"),
        pytest.param("; s=", Reason.KEY_SERVICE, id="no-service"),
        pytest.param("; s=Email", Reason.KEY_SERVICE, id="the-case-of-services-counts"),
        pytest.param("; h=sha1; s=x", Reason.KEY_SERVICE, id="the-service-first"),
    ],
)
def test_a_key_serves_or_says_why_not(more: str, reason: Reason | None) -> None:
    record = KeyRecord.parse((record_for(RSA_2048) + more).encode())
    assert record.problem_for(RSA, "email") is reason


def test_a_revoked_key_serves_nobody() -> None:
    assert KeyRecord.parse(b"p=").problem_for(RSA, "email") is Reason.KEY_REVOKED


@pytest.mark.parametrize(("key", "algorithm"), [(ED25519, RSA), (RSA_2048, ED)])
def test_the_type_of_the_key_has_to_fit(key: Any, algorithm: Any) -> None:
    record = KeyRecord.parse(record_for(key).encode())
    assert record.problem_for(algorithm, "email") is Reason.KEY_ALGORITHM


@pytest.mark.parametrize("text", [b"", b"!!!!", b"QUI", b"QQ=", b"QUJD", b"=QUJ", b"QUJD="])
def test_a_bad_key_text_is_no_key(text: bytes) -> None:
    with pytest.raises(PublicKeyFault):
        KeyRecord.parse(b"p=" + text).public_key(RSA)


@pytest.mark.parametrize(
    ("pattern", "local_part", "fits"),
    [
        (b"*", b"", True),
        (b"a", b"a", True),
        (b"a", b"A", False),
        (b"a*c", b"abc", True),
        (b"a*c", b"ac", True),
        (b"aa*aa", b"aaa", False),
        (b"*c", b"abc", True),
        (b"a*", b"ba", False),
        (b"", b"", True),
        (b"", b"a", False),
    ],
)
def test_granularity_matches_with_one_star(
    pattern: bytes, local_part: bytes, *, fits: bool
) -> None:
    assert fits_granularity(pattern, local_part) is fits


def test_an_empty_granularity_covers_nothing_in_dkim() -> None:
    assert not KeyRecord.parse(b"p=x;g=").covers(b"")
    assert KeyRecord.parse(b"p=x").covers(b"any")
