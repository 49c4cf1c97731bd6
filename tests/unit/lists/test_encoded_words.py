"""lists.encoded_words: what a reader sees, and what we write (RFC 2047)."""

from __future__ import annotations

import email.header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.lists.encoded_words import decode, encode

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n"), max_size=200)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(b"Lunch", "Lunch", id="plain"),
        pytest.param(b"[my\r\n list] x", "[my list] x", id="folded"),
        pytest.param(b"=?utf-8?B?UmU6IFtiZWVzXSBHcsO8w59l?=", "Re: [bees] Grüße", id="base64"),
        pytest.param(b"Re: =?utf-8?Q?=5Bbees=5D_Gr=C3=BC=C3=9Fe?=", "Re: [bees] Grüße", id="q"),
        pytest.param(b"=?utf-8?q?a?= =?utf-8?q?b?= c", "ab c", id="white space between two words"),
        pytest.param(b"=?utf-8?q?a?=\r\n\t=?utf-8?q?b?=", "ab", id="a fold between two words"),
        pytest.param(b"=?iso-8859-1*de?q?=FC?=", "ü", id="a language"),
        pytest.param(b"=?x-unknown?q?=FC?=", "=?x-unknown?q?=FC?=", id="an unknown charset"),
        pytest.param(b"=?utf-8?b?a?=", "=?utf-8?b?a?=", id="base64 that is none"),
        pytest.param(b"=?utf-8?b?YWI?=", "ab", id="base64 without padding: all readers show it"),
        pytest.param("grüß".encode(), "grüß", id="raw UTF-8"),
    ],
)
def test_a_value_is_read_as_it_is_shown(value: bytes, text: str) -> None:
    assert decode(value) == text


@given(text=TEXTS)
def test_what_is_encoded_reads_as_it_was(text: str) -> None:
    words = encode(text)
    assert decode(b" ".join(words)) == text
    parts = email.header.decode_header(b"\n ".join(words).decode())
    assert "".join(p if isinstance(p, str) else p.decode(c or "ascii") for p, c in parts) == text


@given(text=TEXTS)
def test_every_word_is_whole_and_short(text: str) -> None:
    """RFC 2047 §2: 75 characters; §5: each word has whole characters."""
    for word in encode(text):
        assert word.isascii()
        assert len(word) <= 75
        assert "\ufffd" not in decode(word).replace("\ufffd" if "\ufffd" in text else "", "")


@given(text=TEXTS)
def test_a_word_holds_nothing_that_a_phrase_forbids(text: str) -> None:
    """RFC 2047 §5 (3)."""
    allowed = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/=_")
    for word in encode(text):
        assert set(word.split(b"?")[3]) <= allowed
