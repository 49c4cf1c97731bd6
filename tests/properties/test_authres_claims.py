"""Whoever could read a field as ours: the border deletes it (RFC 8601 §5).

Two generators, one that writes our authserv-id in every way it can be written, one that puts
the same pieces together at random; and a handful of careless readers, each as programs are
found to be.  What one of them takes for our id is a claim.
"""

from __future__ import annotations

import base64
import itertools
import re
from email.header import decode_header, make_header

from hypothesis import example, given
from hypothesis import strategies as st

from avowal.authres.forged import forged
from avowal.message import Header

OURS = "mx.example.org"
NAME = b"Authentication-Results:"
COMMENTS = ["(x)", "((x)y)", "(a\\)b)", "()", '(")', "(mx.evil.example;)", "(\r\n x)"]
BLANKS = ["", "", " ", "\t", "\r\n ", "\x00", "\x0b"]


def word(text: str, kind: str) -> str:
    """An encoded word (RFC 2047 §2)."""
    if kind == "b":
        return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="
    if kind == "wide":
        return f"=?utf-16?b?{base64.b64encode(text.encode('utf-16')).decode()}?="
    return f"=?us-ascii?q?{''.join(f'={ord(c):02X}' for c in text)}?="


def quoted(text: str) -> str:
    return f'"{text}"'


def escaped(text: str) -> str:
    return '"' + "".join(f"\\{c}" for c in text) + '"'


PIECES = st.sampled_from(["plain", "quoted", "escaped", "q", "b", "wide", "upper", "width"])
BETWEEN = st.lists(st.sampled_from([*COMMENTS, *BLANKS]), max_size=3).map("".join)


def spelled(text: str, how: str) -> str:
    """Part of an id in one of its spellings."""
    if how in {"q", "b", "wide"}:
        return word(text, how)
    if how == "width":
        return "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text)
    made = {"quoted": quoted, "escaped": escaped, "upper": str.upper}.get(how)
    return text if made is None else made(text)


@st.composite
def written_ids(draw: st.DrawFn) -> str:
    """Our id, cut anywhere, each piece spelled somehow, anything that vanishes between."""
    cuts = sorted(draw(st.sets(st.integers(1, len(OURS) - 1), max_size=3)))
    parts = [OURS[a:b] for a, b in itertools.pairwise([0, *cuts, len(OURS)])]
    shown = [draw(BETWEEN) + spelled(part, draw(PIECES)) for part in parts]
    return "".join(shown) + draw(st.sampled_from(["", ".", "(x).", ".(x)"])) + draw(BETWEEN)


RESTS = st.sampled_from(["; dkim=pass header.d=bank.example", " 1; spf=pass", ";none", "", ";"])


@given(written_ids(), RESTS)
@example("mx(x).example.org", "; dkim=pass")
@example("mx.example(a(b)c).org", "; dkim=pass")
@example("mx(a\\)b).example.org", "; dkim=pass")
@example('"=?us-ascii?q?mx=2Eexample=2Eorg?="', "; dkim=pass")
@example('"mx(x).example.org"', "; dkim=pass")
def test_every_way_to_write_our_id_is_a_claim(written: str, rest: str) -> None:
    header = Header.parse(NAME + f" {written}{rest}".encode())
    assert forged(header, {OURS}), written


# -- careless readers --------------------------------------------------------------------


def _nested(text: str) -> str:
    """Take comments out by the grammar, from the inside."""
    while True:
        fewer = re.sub(r"(?<!\\)\((?:[^()\\]|\\.)*\)", "", text, flags=re.DOTALL)
        if fewer == text:
            return text
        text = fewer


def _shallow(text: str) -> str:
    return re.sub(r"\([^)]*\)", "", text)


def _words(text: str) -> str:
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, ValueError):
        return text


def careless_ids(value: str) -> set[str]:
    """What readers take for the authserv-id of a value, in plain letters."""
    read = set()
    for strip in (str, _nested, _shallow):
        for words in (str, _words):
            text = words(strip(value.replace("\r\n", "")))
            first = re.sub(r'["\\\x00-\x20]', "", text.partition(";")[0]).lower()
            read.add(first.strip("."))
    return read


FRAGMENTS = st.sampled_from(
    ["mx", ".", "example", "org", "mx.example.org", "(", ")", '"', "\\", " ", ";", "=?utf-8?q?",
     "?=", "=2E", "x", "\r\n ", "1", "=", "MX.EXAMPLE.ORG", "(x)", "((x)", "dkim=pass"]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_what_a_careless_reader_takes_for_our_id_is_a_claim(value: str) -> None:
    if OURS in careless_ids(value):
        assert forged(Header.parse(NAME + b" " + value.encode()), {OURS}), value
