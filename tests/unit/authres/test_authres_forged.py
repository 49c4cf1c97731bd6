"""Which incoming fields a border deletes (RFC 8601 §5), and where they stand."""

from __future__ import annotations

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.authres import Cause, Forgery, forged, from_the_last
from avowal.authres.identifiers import skeleton
from avowal.limits import Limits
from avowal.message import Header

NAME = b"Authentication-Results:"
KEPT = [
    pytest.param(b" mx.example.net; dkim=pass", id="another-id"),
    pytest.param(b" mx.example.org.evil.example; dkim=pass", id="a-longer-name"),
    pytest.param(b" notmx.example.org; dkim=pass", id="a-name-that-ends-alike"),
    pytest.param(b" mx.example.net; dkim=pass header.d=mx.example.org", id="ours-in-a-result"),
    pytest.param(b" mx.example.net (mx.example.org); dkim=pass", id="ours-in-a-comment"),
    pytest.param(b" spf=pass; dkim=pass", id="unreadable-without-a-mention"),
]


@pytest.mark.parametrize("value", KEPT)
def test_a_field_of_somebody_else_stays(value: bytes) -> None:
    assert forged(Header.parse(NAME + value), {"mx.example.org"}) == ()


def test_all_go_but_the_admitted_where_that_is_asked_for() -> None:
    header = Header.parse(
        NAME + b" mx.example.org; none\r\n" + NAME + b" mx.example.net; none\r\n"
        b"" + NAME + b" A.example; none\r\n" + NAME + b" spf=pass\r\n"
    )
    found = forged(header, {"mx.example.org"}, admitted={"a.example"})
    assert [(forgery.place, forgery.cause) for forgery in found] == [
        (0, Cause.CLAIM),
        (1, Cause.NOT_ADMITTED),
        (3, Cause.NOT_ADMITTED),
    ]


def test_an_unknown_version_goes_whoever_wrote_it() -> None:
    header = Header.parse(NAME + b" mx.example.net 2; dkim=pass")
    assert [forgery.cause for forgery in forged(header, {"mx.example.org"})] == [Cause.VERSION]


def test_a_field_too_large_to_be_read_goes() -> None:
    header = Header.parse(NAME + b" mx.example.net; dkim=pass")
    found = forged(header, {"mx.example.org"}, limits=Limits(authres_octets=10))
    assert [forgery.cause for forgery in found] == [Cause.TOO_LARGE]


def test_the_index_counts_fields_of_the_name_and_goes_from_the_last() -> None:
    header = Header.parse(
        b"X: y\r\n"
        b"authentication-results: other.example; none\r\n"
        b"AUTHENTICATION-RESULTS : mx.example.org; none\r\n"
        b"From: a@b.example\r\n"
        b"Authentication-Results: mx.example.org; none\r\n"
    )
    found = forged(header, {"mx.example.org"})
    assert found == (
        Forgery(2, 2, Cause.CLAIM),
        Forgery(4, 3, Cause.CLAIM),
    )
    assert list(from_the_last(found)) == [
        (b"Authentication-Results", 3),
        (b"Authentication-Results", 2),
    ]


def test_without_ids_nothing_is_claimed() -> None:
    assert forged(Header.parse(NAME + b" mx.example.org; none\r\n" + NAME), set()) == ()


@given(st.binary(max_size=100), st.sets(st.text(max_size=20), max_size=3))
def test_nothing_makes_it_raise(value: bytes, ids: set[str]) -> None:
    forged(Header.parse(NAME + value), ids, admitted=ids)
    forged(Header.parse(value), ids)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        pytest.param(b"mx.example.net; none " + b"()" * 128, None, id="128-comments"),
        pytest.param(b"mx.example.net; none " + b"()" * 257, "too-large", id="257-comments"),
        pytest.param(b'"' + b"\\a" * 257 + b'"; none', "too-large", id="257-escapes"),
        pytest.param("ﷺ".encode() * 86 + b"; none", "too-large", id="beyond-ascii"),
        pytest.param(b"=?x?q?a?=" * 257 + b"; none", "too-large", id="encoded-words"),
        pytest.param(b"a" * 1025 + b"; none", "too-large", id="a-long-id"),
        pytest.param(b"a" * 1024 + b"; none", None, id="a-shorter-one"),
    ],
)
def test_what_would_cost_much_to_read_is_deleted_unread(value: bytes, cause: str | None) -> None:
    header = Header.parse(b"Authentication-Results: " + value + b"\r\n")
    found = forged(header, {"mx.example.org"})  # RFC 8601 §5, §7.8
    assert [str(forgery.cause) for forgery in found] == ([] if cause is None else [cause])


def whole(text: str) -> str:
    """The skeleton made in one piece."""
    seen = str.maketrans({"\u3002": ".", "\uff61": ".", '"': None, " ": None})
    text = unicodedata.normalize("NFKC", text).casefold().translate(seen)
    return "".join(filter(str.isprintable, text)).strip(".")


STRANGE = "aK.- \u0301\u212a\uff4d\u3002\ufdfa\u00fc\u0130\u1100\u1161\x00"


@given(st.text(alphabet=STRANGE, max_size=12))
def test_a_skeleton_made_in_pieces_is_the_one_made_whole(text: str) -> None:
    assert skeleton(text) == whole(text)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        pytest.param("utf-16", "utf-16", id="utf-16"),
        pytest.param("UTF-16BE*en", "utf-16-be", id="with-a-language"),
        pytest.param("utf_32le", "utf-32-le", id="utf-32"),
        pytest.param("utf-7", "utf-7", id="utf-7"),
        pytest.param("us-ascii", "ascii", id="ascii"),
    ],
)
def test_a_claim_in_an_encoded_word_goes(charset: str, codec: str) -> None:
    text = base64.b64encode("mx.example.org".encode(codec)).decode()
    header = Header.parse(NAME + f" =?{charset}?b?{text}?=; dkim=pass".encode())
    assert [one.cause for one in forged(header, {"mx.example.org"})] == [Cause.MENTION]


@pytest.mark.parametrize(
    "charset", [b"utf-7\0", b"utf-16undefined", b"utf-32\xff", b"undefined", b"idna", b"utf-8\0"]
)
def test_a_charset_that_is_none_is_no_codec_to_look_up(charset: bytes) -> None:
    """A stranger names it, and nothing he writes raises."""
    header = Header.parse(NAME + b" =?%b?q?mx.example.org?=; dkim=pass" % charset)
    assert [one.cause for one in forged(header, {"mx.example.org"})] == [Cause.MENTION]
