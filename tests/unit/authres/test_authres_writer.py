"""Writing results: escaping, folding, and that nothing else can come out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.authres import AuthenticationResults, MethodResult, parse, representable, write
from avowal.errors import UsageError
from avowal.message import Header

METHODS = st.sampled_from(
    [("dkim", "pass"), ("dkim", "fail"), ("spf", "softfail"), ("dmarc", "none"), ("arc", "pass")]
)
NAMES = st.sampled_from(["header.d", "header.i", "header.b", "policy.dkim-rules", "smtp.mailfrom"])
HOSTILE = st.text(st.sampled_from('ab.@"\\()[];:=/ \t\r\n\x00\x7f,<>?é\u2028\ud800'), max_size=24)
TEXTS = st.text(max_size=40) | HOSTILE | st.emails()


@st.composite
def results(draw: st.DrawFn) -> MethodResult:
    method, word = draw(METHODS)
    properties = draw(st.lists(st.tuples(NAMES, TEXTS), max_size=4))
    return MethodResult(
        method,
        word,
        reason=draw(st.none() | TEXTS),
        properties=tuple(properties),
        comment=draw(st.none() | TEXTS),
        version=1,
    )


FIELDS = st.builds(
    AuthenticationResults,
    TEXTS.filter(lambda text: len(text) < 40),
    st.lists(results(), max_size=4).map(tuple),
)


def as_read(written: AuthenticationResults) -> AuthenticationResults:
    """What a reader must get: controls replaced, white space in comments not kept."""

    def spaced(comment: str) -> str:
        return re.sub("[ \t\r\n]+", " ", comment).strip(" ")

    return AuthenticationResults(
        representable(written.authserv_id),
        tuple(
            MethodResult(
                result.method,
                result.result,
                None if result.reason is None else representable(result.reason),
                tuple((name, representable(value)) for name, value in result.properties),
                None if result.comment is None else representable(spaced(result.comment)),
            )
            for result in written.results
        ),
    )


@given(FIELDS)
def test_what_is_written_is_read_again(field: AuthenticationResults) -> None:
    read = parse(write(field).value)
    assert read == as_read(field)
    assert read.defects == ()


@given(FIELDS, st.booleans())
def test_whatever_is_put_in_one_field_comes_out(field: AuthenticationResults, utf8: bool) -> None:
    written = write(field, utf8=utf8)
    header = Header.parse(written.raw + b"\r\nX: y")
    assert header.names == [b"authentication-results", b"x"]
    assert len(parse(written.value).results) == len(field.results)
    assert utf8 or written.raw.isascii()
    assert all(len(line) <= 998 for line in written.raw.split(b"\r\n"))


def test_lines_are_folded_between_tokens_at_78() -> None:
    result = MethodResult(
        "dkim",
        "pass",
        properties=tuple((f"header.{tag}", "x" * 30) for tag in "disab"),
        comment="2048-bit key",
    )
    written = write(AuthenticationResults("mx.example.org", (result, result)))
    lines = written.raw.split(b"\r\n\t")
    assert lines[0] == b"Authentication-Results: mx.example.org;"
    assert lines[1] == b"dkim=pass (2048-bit key) header.d=" + b"x" * 30
    assert all(len(line) <= 70 for line in lines)


WRITTEN = [
    pytest.param("abc/def+", b'"abc/def+"', id="a-slash-needs-quotes"),
    pytest.param("joe@a.example", b"joe@a.example", id="an-address-must-not-be-quoted"),
    pytest.param("a/b=c@a.example", b"a/b=c@a.example", id="atext-needs-none-in-an-address"),
    pytest.param('"joe doe"@a.example', b'"joe doe"@a.example', id="a-quoted-local-part"),
    pytest.param("a;b@c.example", b'"a;b@c.example"', id="what-looks-like-an-address-only"),
    pytest.param("a b", b'"a b"', id="a-space"),
    pytest.param("", b'""', id="empty"),
    pytest.param("bücher.example", "bücher.example".encode(), id="a-u-label"),
    pytest.param("a\r\nX: y", b'"a??X: y"', id="line-breaks-are-replaced"),
]


@pytest.mark.parametrize(("value", "octets"), WRITTEN)
def test_a_value_is_quoted_where_it_must_be(value: str, octets: bytes) -> None:
    result = MethodResult("auth", "pass", properties=(("smtp.auth", value),))
    written = write(AuthenticationResults("m.example", (result,)))
    assert written.raw == b"Authentication-Results: m.example;\r\n\tauth=pass smtp.auth=" + octets


def test_an_ascii_message_gets_a_labels() -> None:
    result = MethodResult(
        "dkim", "pass", properties=(("header.i", "@bücher.example"),), comment="é"
    )
    written = write(AuthenticationResults("bücher.example", (result,)), utf8=False)
    assert written.raw == (
        b"Authentication-Results: xn--bcher-kva.example;\r\n"
        b"\tdkim=pass (?) header.i=@xn--bcher-kva.example"
    )


def test_no_results_are_written_as_none() -> None:
    assert (
        write(AuthenticationResults("m.example")).raw == b"Authentication-Results: m.example; none"
    )


def test_an_identity_too_long_for_a_line_is_left_out() -> None:
    long = "a" * 2000
    result = MethodResult(
        "dkim", "fail", reason=long, properties=(("header.i", long),), comment=long
    )
    read = parse(write(AuthenticationResults("m.example", (result,))).value).results[0]
    assert read.properties == ()
    assert read.reason is not None
    assert read.reason.endswith("a...")


UNREGISTERED = [
    pytest.param(MethodResult("x-mine", "pass"), id="a-method"),
    pytest.param(MethodResult("spf", "hardfail"), id="a-word-of-old"),
    pytest.param(MethodResult("dkim", "discard"), id="a-word-of-another-method"),
    pytest.param(MethodResult("dkim", "pass", properties=(("mine.x", "y"),)), id="a-ptype"),
    pytest.param(MethodResult("dkim", "pass", version=2), id="a-version"),
]


@pytest.mark.parametrize("result", UNREGISTERED)
def test_only_registered_or_agreed_names_are_written(result: MethodResult) -> None:
    with pytest.raises(UsageError, match="in no registry"):
        write(AuthenticationResults("m.example", (result,)))
    agreed = write(AuthenticationResults("m.example", (result,)), agreed={result.method})
    assert parse(agreed.value).results == (result,)


@pytest.mark.parametrize("name", ["", "a b", "a\r\nb", "A", "-a", "a;b", "é"])
def test_a_name_that_is_no_keyword_is_refused(name: str) -> None:
    for make in (
        lambda: MethodResult(name, "pass"),
        lambda: MethodResult("dkim", name),
        lambda: MethodResult("dkim", "pass", properties=((f"header.{name}", ""),)),
        lambda: MethodResult("dkim", "pass", properties=((f"{name}.d", ""),)),
    ):
        with pytest.raises(UsageError, match="cannot be a"):
            make()
