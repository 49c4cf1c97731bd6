"""The payload grammar of RFC 8601 §2.2, fact by fact."""

from __future__ import annotations

import contextlib
import time

import pytest

from avowal.authres import AuthenticationResults, MethodResult, PayloadFault, VersionFault, parse
from avowal.limits import Limits

SPF = MethodResult("spf", "pass", properties=(("smtp.mailfrom", "a.example"),))

SAME_MEANING = [
    pytest.param(b"m.example; spf=pass smtp.mailfrom=a.example", id="plain"),
    pytest.param(b" m.example ; spf = pass smtp . mailfrom = a.example ", id="spaces-everywhere"),
    pytest.param(
        b"\r\n m.example\r\n\t;\r\n spf=pass\r\n smtp.mailfrom=a.example", id="folds-everywhere"
    ),
    pytest.param(b'"m.example"; spf=pass smtp.mailfrom="a.example"', id="quoted-strings"),
    pytest.param(b'"\\m.ex\\ample"; spf=pass smtp.mailfrom=a.example', id="quoted-pairs"),
    pytest.param(b"m.example 1; spf=pass smtp.mailfrom=a.example", id="version-1"),
    pytest.param(b"m.example; SPF=Pass SMTP.MailFrom=a.example", id="keywords-have-no-case"),
    pytest.param(b"m.example; spf/1=pass smtp.mailfrom=a.example", id="method-version-1"),
    pytest.param(b"m.example; spf / 1 = pass smtp.mailfrom=a.example", id="method-version-spaced"),
    pytest.param(b"(c) m.example (c) 1 (c); spf=pass smtp.mailfrom=a.example", id="comments-first"),
]


@pytest.mark.parametrize("octets", SAME_MEANING)
def test_the_grammar_gives_one_meaning_to_its_spellings(octets: bytes) -> None:
    assert parse(octets) == AuthenticationResults("m.example", (SPF,))


COMMENTS = [
    pytest.param(b"(a)spf=pass", "a", id="before-the-method"),
    pytest.param(b"spf(a)=pass", "a", id="before-the-equals"),
    pytest.param(b"spf=(a)pass", "a", id="before-the-result"),
    pytest.param(b"spf=pass(a)", "a", id="behind-the-result"),
    pytest.param(b"spf/(a)1=pass", "a", id="in-the-method-version"),
    pytest.param(b"spf=pass (a (b) c)", "a (b) c", id="nested"),
    pytest.param(b"spf=pass (a \\) b \\( c)", "a ) b ( c", id="quoted-pairs"),
    pytest.param(b"spf=pass (;dkim=pass)", ";dkim=pass", id="a-result-in-a-comment-is-none"),
    pytest.param(b"spf=pass (a) (b)", "a b", id="several"),
    pytest.param(b"spf=pass (a\r\n\t b)", "a b", id="folded"),
    pytest.param("spf=pass (é)".encode(), "é", id="utf-8"),
]


@pytest.mark.parametrize(("octets", "comment"), COMMENTS)
def test_a_comment_may_stand_around_every_token(octets: bytes, comment: str) -> None:
    assert parse(b"m.example; " + octets).results == (MethodResult("spf", "pass", comment=comment),)


def test_comments_may_stand_within_a_property() -> None:
    octets = b"m.example; spf=pass smtp(1).(2)mailfrom(3)=(4)a@b.example(5)"
    (result,) = parse(octets).results
    assert result.properties == (("smtp.mailfrom", "a@b.example"),)


VALUES = [
    pytest.param(b"a.example", "a.example", id="a-token"),
    pytest.param(b'"a b"', "a b", id="a-quoted-string"),
    pytest.param(b'"a\\"b\\\\"', 'a"b\\', id="escapes"),
    pytest.param(b'"abc/def+="', "abc/def+=", id="quoted-base64"),
    pytest.param(b'""', "", id="empty"),
    pytest.param(b'"a\r\n b"', "a b", id="a-fold-within-quotes"),
    pytest.param(b"joe@a.example", "joe@a.example", id="an-address"),
    pytest.param(b"@a.example", "@a.example", id="no-local-part"),
    pytest.param(b"a=b/c@a.example", "a=b/c@a.example", id="atext-is-more-than-a-token"),
    pytest.param(b'"joe doe"@a.example', '"joe doe"@a.example', id="a-quoted-local-part"),
    pytest.param(b"joe (x) @a.example", "joe@a.example", id="cfws-before-the-at"),
    pytest.param(b"<a;b>", None, id="a-semicolon-in-angle-brackets"),
    pytest.param(b"<a b>", None, id="a-space-in-angle-brackets"),
    pytest.param(b"<a", None, id="an-open-angle-bracket"),
    pytest.param(b'"2001:db8::1"', "2001:db8::1", id="a-quoted-colon"),
    pytest.param("jöe@bücher.example".encode(), "jöe@bücher.example", id="eai"),
    pytest.param(b"\xff@a.example", None, id="neither-ascii-nor-utf-8"),
]


WILD_VALUES = [
    pytest.param(b"2001:db8::1", "2001:db8::1", id="an-unquoted-colon"),
    pytest.param(b"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", id="a-domain-literal"),
    pytest.param(b"<joe@a.example>", "joe@a.example", id="angle-brackets"),
    pytest.param(b"<>", "", id="the-null-sender"),
    pytest.param(b";", "", id="nothing"),
]


@pytest.mark.parametrize(("octets", "value"), WILD_VALUES)
def test_a_value_against_the_grammar_is_read_where_no_reader_can_misread_it(
    octets: bytes, value: str
) -> None:
    found = parse(b"m.example; auth=pass policy.x=y smtp.auth=" + octets)
    assert found.results[0].properties == (("policy.x", "y"), ("smtp.auth", value))
    assert len(found.defects) == 1 + (octets == b";")


@pytest.mark.parametrize(("octets", "value"), VALUES)
def test_a_pvalue_is_a_value_or_an_address(octets: bytes, value: str | None) -> None:
    field = b"m.example; auth=pass smtp.auth=" + octets + b" policy.x=y"
    if value is None:
        with pytest.raises(PayloadFault):
            parse(field)
        return
    read = parse(field)
    assert read.results[0].properties == (("smtp.auth", value), ("policy.x", "y"))
    assert read.defects == ()


def test_none_stands_for_no_results() -> None:
    assert parse(b"m.example; none (nothing)") == AuthenticationResults("m.example")


def test_a_reason_is_read_apart_from_the_properties() -> None:
    (result,) = parse(b'm.example; dkim=fail reason = "bad (really)" header.d=a.example').results
    assert (result.reason, result.value("header.d")) == ("bad (really)", "a.example")


MALFORMED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"m.example", id="no-results"),
    pytest.param(b"m.example;", id="nothing-behind-the-semicolon"),
    pytest.param(b"; spf=pass", id="no-authserv-id"),
    pytest.param(b"spf=pass; dkim=pass", id="no-authserv-id-as-some-providers-write"),
    pytest.param(b"m.example; spf", id="no-result-word"),
    pytest.param(b"m.example; spf=", id="empty-result-word"),
    pytest.param(b"m.example; spf=pass smtp.=x", id="no-property"),
    pytest.param(b"m.example; spf=pass; none", id="none-among-others"),
    pytest.param(b"m.example (open; spf=pass", id="an-open-comment"),
    pytest.param(b'"m.example; spf=pass', id="an-open-string"),
    pytest.param(b"m.example\r\nX: y; spf=pass", id="a-line-break-that-is-no-fold"),
    pytest.param(b"m.example (a\rb); spf=pass", id="a-bare-cr-in-a-comment"),
    pytest.param(b"m.example (a\nb); spf=pass", id="a-bare-lf-in-a-comment"),
    pytest.param(b'"m\nexample"; spf=pass', id="a-bare-lf-in-a-string"),
    pytest.param(b"m\x00.example; spf=pass", id="a-nul"),
    pytest.param(b"m.example; spf/x=pass", id="a-method-version-without-digits"),
]


@pytest.mark.parametrize("octets", MALFORMED)
def test_what_does_not_fit_is_refused(octets: bytes) -> None:
    with pytest.raises(PayloadFault):
        parse(octets)


@pytest.mark.parametrize("version", [b"2", b"0", b"11", b"99999999999999999999"])
def test_an_unknown_version_ends_the_reading(version: bytes) -> None:
    with pytest.raises(VersionFault):
        parse(b"m.example " + version + b"; whatever !!")


LENIENCIES = [
    pytest.param(b"m.example; spf=pass;", "a ; at the end", id="a-semicolon-at-the-end"),
    pytest.param(b"m.example; tls=pass bits=256", "a value without a ptype", id="no-ptype"),
    pytest.param(b"m.example; dkim=pass header.b=Q/F", "a value that needs quotes", id="base64"),
    pytest.param(
        b"m.example; arc=none smtp.remote-ip=2001:db8::3",
        "a value that needs quotes",
        id="an-address-of-ipv6",
    ),
    pytest.param(
        b"m.example; dmarc=pass header.from=<a@b.example>",
        "a value in angle brackets",
        id="zoho-angle-brackets",
    ),
    pytest.param(
        b"m.example; spf=pass smtp.mailfrom=<>", "a value in angle brackets", id="null-sender"
    ),
    pytest.param(
        b"m.example; dmarc=none header.from=; dkim=none", "an empty value", id="an-empty-value"
    ),
    pytest.param(
        b"m.example; gateway.spf=pass (c) smtp.mailfrom=a@b.example",
        "a method with a dot",
        id="google-gateway-spf",
    ),
    pytest.param(
        b"m.example; auth=pass smtp.auth=a..b@c.example",
        "a local part that needs quotes",
        id="local-part",
    ),
    pytest.param(
        b"m.example; auth=pass smtp.auth=a@", "an address without a domain name", id="no-domain"
    ),
]


@pytest.mark.parametrize(("octets", "defect"), LENIENCIES)
def test_what_the_field_writes_against_the_grammar_is_read_and_named(
    octets: bytes, defect: str
) -> None:
    assert parse(octets).defects == (defect,)


def test_lengths_and_numbers_have_limits() -> None:
    with pytest.raises(PayloadFault, match="more than 2 results"):
        parse(b"m.example" + b"; spf=pass" * 3, limits=Limits(authres_results=2))
    with pytest.raises(PayloadFault, match="longer"):
        parse(b"m.example; spf=pass", limits=Limits(authres_octets=10))


WORST = [
    pytest.param(b"(" * 100_000, id="open-comments"),
    pytest.param(b"(" * 50_000 + b")" * 50_000, id="nested-comments"),
    pytest.param(b"m; a=b" + b" (x)" * 25_000, id="many-comments"),
    pytest.param(b'"' + b"\\" * 100_000, id="escapes"),
    pytest.param(b"m; a=b c.d=" + b"e" * 100_000, id="one-long-value"),
    pytest.param(b"m; a=b " + b"c.d=e (x) " * 10_000, id="values-with-comments"),
    pytest.param(b"m; a" + b"-" * 100_000, id="a-keyword-of-hyphens"),
    pytest.param(b"m" + b"\r\n " * 33_000 + b";", id="folds"),
    pytest.param(b"m; " + b"a=b;" * 25_000, id="many-results"),
]
ROOMY = Limits(authres_octets=1 << 20, authres_results=1 << 20)


def seconds(octets: bytes) -> float:
    start = time.thread_time()
    with contextlib.suppress(PayloadFault):
        parse(octets, limits=ROOMY)
    return time.thread_time() - start


@pytest.fixture(scope="module")
def harmless() -> float:
    return min(seconds(b"m; " + b"a=b c.d=e f.g=h;" * 6_250) for _ in range(3))


@pytest.mark.parametrize("octets", WORST)
def test_time_is_linear_in_the_octets(octets: bytes, harmless: float) -> None:
    assert seconds(octets) < 5 * harmless + 0.1
