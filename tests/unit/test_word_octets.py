"""The octets of encoded words: what lenient readers make of them."""

from __future__ import annotations

from base64 import b64encode
from email._encoded_words import decode as python_decode  # type: ignore[import-not-found]
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from avowal.word_octets import word_octets

CASES: Final = [
    pytest.param(b"q", b"a=40b_c", (b"a@b c",), id="quoted-printable"),
    pytest.param(b"Q", b"a=4", (b"a=4",), id="an-escape-cut-short"),
    pytest.param(b"q", b"a==40b", (b"a=@b",), id="an-escape-behind-what-is-none"),
    pytest.param(b"b", b64encode(b"a@b"), (b"a@b",), id="whole"),
    pytest.param(b"b", b64encode(b"a@bc").rstrip(b"="), (b"a@bc",), id="without-padding"),
    pytest.param(b"B", b64encode(b"a@b") + b"A", (b"a@b",), id="a-letter-too-many"),
    pytest.param(b"b", b"Y U\r\n*Bi", (b"a@b",), id="other-octets-between"),
    pytest.param(b"b", b64encode(b"a@b!") + b64encode(b".c"), (b"a@b!", b"a@b!.c", b"a@b!\x02\xe6"),
                 id="more-behind-a-padding"),
    pytest.param(b"b", b"====", (b"",), id="padding-alone"),
    pytest.param(b"b", b"", (b"",), id="nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "text", "readings"), CASES)
def test_a_word_is_read_as_readers_do(
    encoding: bytes, text: bytes, readings: tuple[bytes, ...]
) -> None:
    assert word_octets(encoding, text) == readings


@given(st.sampled_from("bq"), st.text(st.sampled_from("YWxpY2VAYm+/=*_ 40@."), max_size=40))
def test_what_python_shows_is_one_of_the_readings(encoding: str, text: str) -> None:
    shown, _, _, defects = python_decode(f"=?latin-1?{encoding}?{text}?=")
    assume(not any("InvalidBase64Length" in repr(one) for one in defects))  # it shows the letters
    assert shown.encode("latin-1") in word_octets(encoding.encode(), text.encode())
