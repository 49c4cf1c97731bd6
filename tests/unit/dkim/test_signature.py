"""Reading a signature field, tag by tag: RFC 6376 §3.5."""

from __future__ import annotations

from typing import Any

import pytest

from avowal import Limits
from avowal.dkim.reasons import Reason
from avowal.dkim.signature import Signature, SignatureFault
from avowal.message import Field

REQUIRED = {
    "v": "1",
    "a": "rsa-sha256",
    "b": "c2ln",
    "bh": "aGFzaA==",
    "d": "example.com",
    "h": "from",
    "s": "s1",
}


def field(**tags: str | None) -> Field:
    written = {**REQUIRED, **tags}
    text = "; ".join(f"{name}={value}" for name, value in written.items() if value is not None)
    return Field.of(b"DKIM-Signature: " + text.encode())


def read(**tags: str | None) -> Signature:
    return Signature.parse(field(**tags))


@pytest.mark.parametrize(
    ("tags", "name", "value"),
    [
        pytest.param({}, "algorithm", "rsa-sha256", id="a"),
        pytest.param({"b": "c2\r\n ln\t=="[:-2]}, "signature", b"sig", id="b-with-folds"),
        pytest.param({"bh": " a GFz\r\n\taA= ="}, "body_hash", b"hash", id="bh-with-folds"),
        pytest.param({}, "header_canon", "simple", id="no-c-header"),
        pytest.param({}, "body_canon", "simple", id="no-c-body"),
        pytest.param({"c": "relaxed"}, "header_canon", "relaxed", id="c-alone-header"),
        pytest.param({"c": "relaxed"}, "body_canon", "simple", id="c-alone-body"),
        pytest.param({"c": "simple/relaxed"}, "body_canon", "relaxed", id="c-both"),
        pytest.param({}, "identity", None, id="no-i"),
        pytest.param({}, "body_length", None, id="no-l"),
        pytest.param({"l": "0"}, "body_length", 0, id="l-0-is-not-absent"),
        pytest.param({"l": "9" * 76}, "body_length", int("9" * 76), id="l-of-76-digits"),
        pytest.param({}, "timestamp", None, id="no-t"),
        pytest.param({"t": "0"}, "timestamp", 0, id="t-0-is-not-absent"),
        pytest.param({"t": "1" * 13}, "timestamp", int("1" * 13), id="t-beyond-12-digits"),
        pytest.param({"t": "1", "x": "2"}, "expiration", 2, id="x-after-t"),
        pytest.param({"x": "2"}, "expiration", 2, id="x-without-t"),
        pytest.param({}, "query_methods", ("dns/txt",), id="no-q"),
        pytest.param({"q": "x/y : dns/txt"}, "query_methods", ("x/y", "dns/txt"), id="q-list"),
        pytest.param({"h": "From:TO\r\n : x-y"}, "signed_names", (b"from", b"to", b"x-y"), id="h"),
        pytest.param({"h": "from:from"}, "signed_names", (b"from", b"from"), id="h-repeated"),
        pytest.param({"h": "from:a/b!"}, "signed_names", (b"from", b"a/b!"), id="h-odd-names"),
        pytest.param({"zz": "1", "qq": ""}, "other_tags", (("zz", b"1"), ("qq", b"")), id="other"),
        pytest.param({"r": "y", "atps": "x"}, "other_tags", (), id="registered-tags-are-not"),
    ],
)
def test_a_tag_is_read(tags: dict[str, str], name: str, value: Any) -> None:
    assert getattr(read(**tags), name) == value


def test_the_default_identity_is_the_domain() -> None:
    assert str(read(d="Example.com").auid) == "@Example.com"


def test_an_identity_is_decoded() -> None:
    identity = read(i='"a=20b"@example.com').identity
    assert identity is not None
    assert identity.local_part == b'"a b"'


def test_eai_names_are_read_as_written() -> None:
    signature = read(d="bücher.example", s="grün", i="jürg@bücher.example")
    assert signature.domain.text == "bücher.example"
    assert signature.selector.ascii == "xn--grn-ioa"
    assert str(signature.auid) == "jürg@bücher.example"


def test_copied_fields_are_decoded_and_bad_ones_left_out() -> None:
    signature = read(z="From:a=20b|X=3A|To:=zz|Sub\r\n ject:x=7Cy")
    assert signature.copied_fields == ((b"From", b"a b"), (b"Subject", b"x|y"))


def test_no_z_is_no_copies() -> None:
    assert read().copied_fields == ()


@pytest.mark.parametrize(
    ("tags", "reason", "why"),
    [
        pytest.param({"v": None}, Reason.MISSING_TAG, "no v=", id="v-missing"),
        pytest.param({"a": None}, Reason.MISSING_TAG, "no a=", id="a-missing"),
        pytest.param({"bh": None}, Reason.MISSING_TAG, "no bh=", id="bh-missing"),
        pytest.param({"v": "01"}, Reason.VERSION, "v= is not 1", id="v-01"),
        pytest.param({"v": "2", "a": None}, Reason.VERSION, "v= is not 1", id="version-first"),
        pytest.param({"a": "rsa_sha256"}, Reason.SYNTAX, "a=: .*key-hash", id="a-form"),
        pytest.param({"a": ""}, Reason.SYNTAX, "a=", id="a-empty"),
        pytest.param({"b": "ab=c"}, Reason.SYNTAX, "b=: no base64", id="b-with-padding-inside"),
        pytest.param({"b": "c2ln!"}, Reason.SYNTAX, "b=: no base64", id="b-other-alphabet"),
        pytest.param({"bh": ""}, Reason.SYNTAX, "bh=: empty", id="bh-empty"),
        pytest.param({"c": "/relaxed"}, Reason.SYNTAX, "c=", id="c-half"),
        pytest.param({"c": "relaxed/"}, Reason.SYNTAX, "c=", id="c-other-half"),
        pytest.param({"d": "exa mple.com"}, Reason.SYNTAX, "d=", id="d-with-a-space"),
        pytest.param({"s": "a..b"}, Reason.SYNTAX, "s=", id="s-with-an-empty-label"),
        pytest.param({"h": "from:to "[:-1] + ":"}, Reason.SYNTAX, "h=", id="h-ends-in-a-colon"),
        pytest.param({"h": "from:ü"}, Reason.SYNTAX, "h=", id="h-8-bit"),
        pytest.param({"i": "a=4"}, Reason.SYNTAX, "i=", id="i-cut"),
        pytest.param({"l": "1 2"}, Reason.SYNTAX, "l=", id="l-with-a-space"),
        pytest.param({"l": "١"}, Reason.SYNTAX, "l=", id="l-in-other-digits"),
        pytest.param({"t": "-1"}, Reason.SYNTAX, "t=", id="t-negative"),
        pytest.param({"t": "5", "x": "5"}, Reason.SYNTAX, "x= is not later", id="x-equals-t"),
        pytest.param({"q": "dns/txt:"}, Reason.SYNTAX, "q=", id="q-with-an-empty-method"),
    ],
)
def test_a_malformed_field_is_refused(tags: dict[str, Any], reason: Reason, why: str) -> None:
    with pytest.raises(SignatureFault, match=why) as caught:
        read(**tags)
    assert caught.value.reason is reason


def test_a_fault_points_at_the_octet() -> None:
    broken = field(l="12x")
    with pytest.raises(SignatureFault) as caught:
        Signature.parse(broken)
    assert broken.value[caught.value.offset :].startswith(b"12x")


def test_limits_are_kept() -> None:
    with pytest.raises(SignatureFault) as caught:
        Signature.parse(field(z="x" * 100), limits=Limits(signature_field_octets=150))
    assert caught.value.reason is Reason.TOO_LARGE
    with pytest.raises(SignatureFault, match="over 2 names"):
        Signature.parse(field(h="from:to:cc"), limits=Limits(signed_names=2))


def test_the_unsigned_field_lacks_the_value_of_b_and_nothing_else() -> None:
    written = Field.of(
        b"dkim-SIGNATURE : v=1;b = c2\r\n ln ;a=rsa-sha256;bh=aGFzaA==;d=e.com;h=from;s=s"
    )
    unsigned = Signature.parse(written).unsigned_field
    assert unsigned.raw == written.raw.replace(b" c2\r\n ln ", b"")
    assert unsigned.colon == written.colon


@pytest.mark.parametrize("version", ["0.5", "0.1", None])
def test_drafts_are_read_behind_their_door(version: str | None) -> None:
    tags = {"v": version, "q": "dns"}
    with pytest.raises(SignatureFault):
        read(**tags)
    assert Signature.parse(field(**tags), drafts=True).query_methods == ("dns/txt",)
