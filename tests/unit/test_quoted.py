"""dkim-quoted-printable, RFC 6376 §2.11."""

from __future__ import annotations

import pytest

from avowal import quoted
from avowal.quoted import QuotedFault


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"plain", b"plain", id="what-needs-no-escape"),
        pytest.param(b"=20=3B=3D=FF=00", b" ;=\xff\x00", id="escapes"),
        pytest.param(b"a b\tc\r\n d", b"abcd", id="white-space-is-dropped"),
        pytest.param(b"a\r\n =20b", b"a b", id="a-fold-before-an-escape"),
        pytest.param(b"=20\r\n\tb", b" b", id="a-fold-behind-an-escape"),
        pytest.param("ü".encode(), "ü".encode(), id="raw-utf-8-is-kept"),
    ],
)
def test_escapes_are_decoded_and_white_space_dropped(encoded: bytes, decoded: bytes) -> None:
    assert quoted.decode(encoded) == decoded


@pytest.mark.parametrize(
    ("encoded", "offset"),
    [
        pytest.param(b"ab=3b", 2, id="lower-case-digits"),
        pytest.param(b"=", 0, id="no-digits"),
        pytest.param(b"=20=2", 3, id="one-digit"),
        pytest.param(b"a==20", 1, id="two-signs"),
        pytest.param(b"=2 0", 0, id="white-space-between-the-digits"),
        pytest.param(b"a=\r\n20", 2, id="a-soft-line-break"),
        pytest.param(b"a\r\nb", 1, id="a-line-break-that-is-no-fold"),
        pytest.param(b"a\nb", 1, id="a-bare-line-feed"),
        pytest.param(b"a\rb", 1, id="a-bare-carriage-return"),
    ],
)
def test_malformed_octets_are_refused_with_their_place(encoded: bytes, offset: int) -> None:
    with pytest.raises(QuotedFault) as caught:
        quoted.decode(encoded)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("plain", "also", "encoded"),
    [
        pytest.param(b"a b;c=d", b"", b"a=20b=3Bc=3Dd", id="space-semicolon-equals"),
        pytest.param(b"\r\n\x7f\xff", b"", b"=0D=0A=7F=FF", id="controls-and-8-bit"),
        pytest.param(b"a|b:c", b"|:", b"a=7Cb=3Ac", id="what-the-tag-asks-for"),
        pytest.param(b"a|b:c", b"", b"a|b:c", id="but-not-otherwise"),
    ],
)
def test_what_must_be_is_encoded(plain: bytes, also: bytes, encoded: bytes) -> None:
    assert quoted.encode(plain, also=also) == encoded


def test_every_octet_survives_encoding() -> None:
    octets = bytes(range(256))
    assert quoted.decode(quoted.encode(octets)) == octets
