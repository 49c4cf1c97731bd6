"""`printable`: whatever a stranger wrote is shown in one line and commands nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.text import printable


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param(b"", "", id="nothing"),
        pytest.param("Grüße", "Grüße", id="letters-stay"),
        pytest.param("Grüße".encode(), "Grüße", id="octets-are-utf-8"),
        pytest.param(b"a\xffb", "a\\xffb", id="no-utf-8"),
        pytest.param("a\r\nb\tc", "a\\r\\nb\\tc", id="one-line"),
        pytest.param("\x1b[2J", "\\x1b[2J", id="terminal"),
        pytest.param("\x7f\x9b", "\\x7f\\x9b", id="8-bit-controls"),
        pytest.param("a\u2028b", "a\\u2028b", id="line-separator"),
        pytest.param("a\u202eb", "a\\u202eb", id="direction"),
        pytest.param("a\udc80b", "a\\udc80b", id="lone-surrogate"),
        pytest.param("a\\nb", "a\\nb", id="a-backslash-stays"),
    ],
)
def test_a_line_is_shown(written: str | bytes, shown: str) -> None:
    assert printable(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("abcd", "abcd", id="fits"),
        pytest.param("abcde", "abcd…", id="too-long"),
        pytest.param(b"abcde", "abcd…", id="octets"),
        pytest.param("abcü".encode(), "abc\\xc3…", id="cut-within-a-character"),
    ],
)
def test_what_is_cut_says_so(written: str | bytes, shown: str) -> None:
    assert printable(written, most=4) == shown


def test_a_log_is_ascii_where_it_asks() -> None:
    assert printable("Grüße, 世界", ascii_only=True) == "Gr\\xfc\\xdfe, \\u4e16\\u754c"
    assert printable("abcdef", most=3, ascii_only=True) == "abc\\u2026"


@given(st.one_of(st.text(), st.binary()))
def test_nothing_shown_is_a_control(written: str | bytes) -> None:
    assert printable(written).isprintable()
    assert printable(written, ascii_only=True).isascii()


def test_what_it_needs_is_loaded_before_a_daemon_changes_its_root() -> None:
    """Codecs are modules: below another root none is found any more."""
    program = (
        "import encodings; from avowal.text import printable, whole; encodings.__path__ = [];"
        r"print(printable('a\x1bb'), whole('\ud800') == '\ufffd')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout == b"a\\x1bb True\n"


def test_texts_of_strangers_are_read_below_another_root() -> None:
    """Each charset of encoded words, and the names that are compared with ours."""
    program = (
        "import encodings, sys; from avowal.lists import charsets; charsets.load_codecs();"
        "from functools import partial;"
        "from avowal.authres.identifiers import _decoded_word, _ENCODED_WORD, _unicode_form;"
        "from avowal.lists.encoded_words import decode; encodings.__path__ = [];"
        "words = [b'=?%b?q?a?=' % name for name in charsets.DECODABLE];"
        "print({decode(word) for word in words}, _unicode_form('xn--bcher-kva'),"
        " *[_ENCODED_WORD.sub(partial(_decoded_word, reading=0), b'=?' + c + b'?b?' + w + b'?=')"
        " for c, w in ((b'utf-7', b'YQ=='), (b'UTF-16LE', b'YQA='), (b'utf-32-be', b'AAAAYQ=='))])"
    )
    ran = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program], capture_output=True, check=False
    )
    assert ran.stdout.decode() == "{'a'} bücher b'a' b'a' b'a'\n", ran.stderr.decode()
