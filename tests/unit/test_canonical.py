"""The canonical forms, fact by fact: RFC 6376 §3.4, RFC 4870 §3.4.2."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from types import ModuleType

import pytest

from avowal import _pure, canonical
from avowal.errors import StateError

try:
    from avowal import _kernel
except ImportError:
    _kernel = None

BOTH = [
    pytest.param(_pure, id="pure"),
    pytest.param(
        _kernel,
        id="kernel",
        marks=pytest.mark.skipif(_kernel is None, reason="the C kernel is not built here"),
    ),
]
FORMS = {
    "simple": canonical.SimpleBody,
    "relaxed": canonical.RelaxedBody,
    "dk-simple": canonical.DomainKeysSimpleBody,
    "nofws": canonical.NofwsBody,
}


def body(form: str, *chunks: bytes | memoryview) -> bytes:
    pieces: list[bytes] = []
    made = FORMS[form](lambda octets: pieces.append(bytes(octets)))
    for chunk in chunks:
        made.feed(chunk)
    made.finish()
    assert all(pieces), "a sink never gets an empty piece"
    return b"".join(pieces)


@dataclass
class Counter:
    """A sink that keeps numbers only."""

    octets: int = 0
    largest: int = 0

    def __call__(self, octets: bytes | memoryview) -> None:
        self.octets += len(octets)
        self.largest = max(self.largest, len(octets))


# --- fields -----------------------------------------------------------------------------------

RELAXED_FIELDS = [
    pytest.param(b"A: X", b"a:X", id="rfc-6376-3.4.5-first"),
    pytest.param(b"B : Y\t\r\n\tZ  ", b"b:Y Z", id="rfc-6376-3.4.5-second"),
    pytest.param(b"SUBJect: AbC", b"subject:AbC", id="only-the-name-is-lower-cased"),
    pytest.param(b"X:", b"x:", id="empty-value"),
    pytest.param(b"X: ", b"x:", id="blank-value"),
    pytest.param(b"X:\r\n ", b"x:", id="a-fold-and-nothing-else"),
    pytest.param(b"X:\r\n a", b"x:a", id="fold-at-the-start"),
    pytest.param(b"X: a\r\n ", b"x:a", id="fold-at-the-end"),
    pytest.param(b"Subject \t: a", b"subject:a", id="wsp-before-the-colon"),
    pytest.param(b"X: a \t b", b"x:a b", id="a-run-becomes-one-space"),
    pytest.param(b"X: a\tb", b"x:a b", id="a-tab-becomes-a-space"),
    pytest.param(b"X: a \r\n\t b", b"x:a b", id="a-run-across-a-fold-becomes-one-space"),
    pytest.param(b"X: a\r\n \r\n b", b"x:a b", id="a-blank-line-within-a-fold"),
    pytest.param(b"X:a:b", b"x:a:b", id="the-first-colon-ends-the-name"),
    pytest.param(b"X: \va\f ", b"x:\va\f", id="vt-and-ff-are-no-white-space"),
    pytest.param(b"X: \xa0a \xe3\x80\x80", b"x:\xa0a \xe3\x80\x80", id="nor-is-nbsp-or-u3000"),
    pytest.param(b"X: a\rb\n c\r \nd", b"x:a\rb\n c\r \nd", id="bare-cr-and-lf-stay"),
    pytest.param(b"X: \r a", b"x:\r a", id="bare-cr-at-the-start-stays"),
    pytest.param(b"X: a\r\nb", b"x:a\r\nb", id="crlf-before-no-wsp-stays"),
    pytest.param(b"X: a\r\n\r\n b", b"x:a\r\n b", id="one-pass-of-unfolding"),
    pytest.param(b"X: a\r\n", b"x:a\r\n", id="a-final-crlf-is-not-its-business"),
    pytest.param(b"X: \xc3\x84\x00", b"x:\xc3\x84\x00", id="8-bit-and-nul-stay"),
    pytest.param(b"\xc3\x84X:a", b"\xc3\x84x:a", id="lower-casing-is-ascii"),
]


@pytest.mark.parametrize("twin", BOTH)
@pytest.mark.parametrize(("raw", "expected"), RELAXED_FIELDS)
def test_relaxed_field(twin: ModuleType, raw: bytes, expected: bytes) -> None:
    assert twin.relax_field(raw, raw.index(b":")) == expected


@pytest.mark.parametrize("twin", BOTH)
@pytest.mark.parametrize("colon", [-1, 0, 2, 99])
def test_relaxing_a_field_refuses_an_offset_without_colon(twin: ModuleType, colon: int) -> None:
    with pytest.raises(ValueError, match="no colon there"):
        twin.relax_field(b"X:", colon)


@pytest.mark.parametrize("twin", BOTH)
def test_relaxed_fields_are_joined_in_the_order_asked_for(twin: ModuleType) -> None:
    lists = twin.split_header(b"A: 1 \r\nB :\t2\r\nC:3\r\n")
    assert twin.relax_fields(*lists, [2, 0, 1, 0]) == b"c:3\r\na:1\r\nb:2\r\na:1\r\n"


@pytest.mark.parametrize("twin", BOTH)
def test_no_fields_selected_give_no_octets(twin: ModuleType) -> None:
    assert twin.relax_fields([], [], [], []) == b""


@pytest.mark.parametrize("twin", BOTH)
@pytest.mark.parametrize("place", [-1, 1])
def test_relaxed_fields_refuse_a_place_that_is_not_there(twin: ModuleType, place: int) -> None:
    with pytest.raises(IndexError):
        twin.relax_fields(*twin.split_header(b"A:1\r\n"), [place])


@pytest.mark.parametrize("twin", BOTH)
def test_relaxed_fields_refuse_a_line_that_is_no_field(twin: ModuleType) -> None:
    with pytest.raises(ValueError, match="no colon there"):
        twin.relax_fields(*twin.split_header(b"no field\r\n"), [0])


@pytest.mark.parametrize("twin", BOTH)
@pytest.mark.parametrize(
    ("relaxed", "expected"),
    [
        pytest.param(True, b"to:2\r\nsubject:a b\r\nto:1\r\n", id="relaxed"),
        pytest.param(False, b"To : 2\r\nSUBJECT: a\r\n\tb \r\nTo: 1\r\n", id="simple"),
    ],
)
def test_signed_fields_come_from_the_bottom_in_their_form(
    twin: ModuleType, relaxed: bool, expected: bytes
) -> None:
    found = twin.scan_header(b"To: 1\r\nSUBJECT: a\r\n\tb \r\nTo : 2\r\nTo: own\r\n\r\n", 99, 9)
    names = (b"to", b"subject", b"none", b"to", b"to")
    assert twin.signed_fields(found[0], names, 3, relaxed) == expected


@pytest.mark.parametrize("twin", BOTH)
def test_a_line_that_is_no_field_has_a_simple_form_alone(twin: ModuleType) -> None:
    index = twin.scan_header(b"no field\r\n\r\n", 99, 9)[0]
    assert twin.signed_fields(index, (b"",), -1, False) == b"no field\r\n"
    with pytest.raises(ValueError, match="no colon there"):
        twin.signed_fields(index, (b"",), -1, True)


@pytest.mark.parametrize("raw", [b"X : a\r\n\tb ", b"x", b""])
def test_a_simple_field_is_the_field(raw: bytes) -> None:
    assert canonical.HEADER_FORMS["simple"](raw, raw.find(b":")) == raw


def test_a_nofws_field_has_no_folding_white_space_at_all() -> None:
    nofws = canonical.DOMAINKEYS_HEADER_FORMS["nofws"]
    assert nofws(b"Sub : a b\r\n\tc\v ", 4) == b"Sub:abc\v"


# --- splitting --------------------------------------------------------------------------------

SPLITS = [
    pytest.param(b"", [], id="nothing"),
    pytest.param(b"A: b\r\n", [(b"A: b", b"a", 1)], id="one-field"),
    pytest.param(b"A: b", [(b"A: b", b"a", 1)], id="without-its-final-crlf"),
    pytest.param(b"A:\r\nB:\r\n", [(b"A:", b"a", 1), (b"B:", b"b", 1)], id="two"),
    pytest.param(b"A: b\r\n c\r\n\td\r\n", [(b"A: b\r\n c\r\n\td", b"a", 1)], id="folds"),
    pytest.param(b"A: b\r\n ", [(b"A: b\r\n ", b"a", 1)], id="a-fold-at-the-end"),
    pytest.param(b"From \t: b\r\n", [(b"From \t: b", b"from", 6)], id="wsp-before-the-colon"),
    pytest.param(b"A: b\nC: d\r\n", [(b"A: b\nC: d", b"a", 1)], id="bare-lf"),
    pytest.param(b"A: b\rC: d\r\n", [(b"A: b\rC: d", b"a", 1)], id="bare-cr"),
    pytest.param(b"A: b\r\r\nC:", [(b"A: b\r", b"a", 1), (b"C:", b"c", 1)], id="cr-before-crlf"),
    pytest.param(b"\nA:\r\n", [(b"\nA:", b"", -1)], id="bare-lf-in-front"),
    pytest.param(b"A\0: b\r\n", [(b"A\0: b", b"", -1)], id="nul-in-the-name"),
    pytest.param(b"A: \0\r\n", [(b"A: \0", b"a", 1)], id="nul-in-the-value"),
    pytest.param(b"no colon\r\n", [(b"no colon", b"", -1)], id="no-colon"),
    pytest.param(b": b\r\n", [(b": b", b"", -1)], id="no-name"),
    pytest.param(b" : b\r\n", [(b" : b", b"", -1)], id="a-blank-name"),
    pytest.param(b" A: b\r\n", [(b" A: b", b"", -1)], id="wsp-before-the-name"),
    pytest.param(b"A B: c\r\n", [(b"A B: c", b"", -1)], id="space-within-the-name"),
    pytest.param(b"\xc3\x84: c\r\n", [(b"\xc3\x84: c", b"", -1)], id="8-bit-name"),
    pytest.param(b"A\r\n : b\r\n", [(b"A\r\n : b", b"", -1)], id="a-fold-before-the-colon"),
    pytest.param(b"A\v: b\r\n", [(b"A\v: b", b"", -1)], id="vt-before-the-colon"),
    pytest.param(b"\r\nA:\r\n", [(b"", b"", -1), (b"A:", b"a", 1)], id="an-empty-line"),
    pytest.param(b"\r\n", [(b"", b"", -1)], id="an-empty-line-alone"),
    pytest.param(b"!~[Z@`{: b\r\n", [(b"!~[Z@`{: b", b"!~[z@`{", 7)], id="ftext"),
    pytest.param(b"A" * 80 + b":", [(b"A" * 80 + b":", b"a" * 80, 80)], id="a-long-name"),
]


@pytest.mark.parametrize("twin", BOTH)
@pytest.mark.parametrize(("block", "expected"), SPLITS)
def test_split_header(
    twin: ModuleType, block: bytes, expected: list[tuple[bytes, bytes, int]]
) -> None:
    assert list(zip(*twin.split_header(block), strict=True)) == expected


# --- bodies -----------------------------------------------------------------------------------

BODIES = [
    # RFC 6376 §3.4.5
    pytest.param("simple", b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", id="example-simple"),
    pytest.param("relaxed", b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n", id="example-relaxed"),
    # nothing, and nothing but line ends
    pytest.param("simple", b"", b"\r\n", id="simple-empty"),
    pytest.param("relaxed", b"", b"", id="relaxed-empty"),
    pytest.param("dk-simple", b"", b"", id="dk-simple-empty"),
    pytest.param("nofws", b"", b"", id="nofws-empty"),
    pytest.param("simple", b"\r\n" * 9, b"\r\n", id="simple-only-empty-lines"),
    pytest.param("relaxed", b"\r\n" * 9, b"", id="relaxed-only-empty-lines"),
    pytest.param("dk-simple", b"\r\n" * 9, b"", id="dk-simple-only-empty-lines"),
    pytest.param("nofws", b" \r\n\t\r\n", b"", id="nofws-only-blank-lines"),
    pytest.param("relaxed", b" \t\r\n \r\n", b"", id="relaxed-only-blank-lines"),
    pytest.param("relaxed", b" ", b"", id="relaxed-only-a-space"),
    pytest.param("simple", b" \r\n", b" \r\n", id="simple-a-line-of-a-space-is-not-empty"),
    # the final CRLF
    pytest.param("simple", b"a", b"a\r\n", id="simple-adds-crlf"),
    pytest.param("relaxed", b"a", b"a\r\n", id="relaxed-adds-crlf"),
    pytest.param("relaxed", b"a \t", b"a\r\n", id="relaxed-adds-crlf-behind-wsp"),
    pytest.param("nofws", b"a ", b"a\r\n", id="nofws-adds-crlf"),
    pytest.param("dk-simple", b"a", b"a\r\n", id="dk-simple-adds-crlf"),
    pytest.param("simple", b"a\r\n ", b"a\r\n \r\n", id="simple-adds-crlf-to-a-blank-line"),
    pytest.param("relaxed", b"a\r\n ", b"a\r\n", id="relaxed-a-blank-last-line-is-empty"),
    # empty lines
    pytest.param("relaxed", b"a\r\n \r\n", b"a\r\n", id="relaxed-wsp-goes-before-empty-lines"),
    pytest.param("simple", b"\r\n\r\na\r\n", b"\r\n\r\na\r\n", id="simple-leading-lines-stay"),
    pytest.param("relaxed", b" \r\n\ra\r\n", b"\r\n\ra\r\n", id="relaxed-leading-lines-stay"),
    pytest.param("nofws", b"a\r\n \r\n\r\nb", b"a\r\n\r\n\r\nb\r\n", id="nofws-inner-lines-stay"),
    pytest.param("simple", b"a\r\n\r\nb\r\n\r\n", b"a\r\n\r\nb\r\n", id="simple-inner-lines-stay"),
    # white space
    pytest.param("relaxed", b"  a\r\n\tb\r\n", b" a\r\n b\r\n", id="relaxed-leading-becomes-one"),
    pytest.param("relaxed", b"a\t\t b\r\n", b"a b\r\n", id="relaxed-runs-become-one"),
    pytest.param("relaxed", b"a\xa0\v \f\r\n", b"a\xa0\v \f\r\n", id="relaxed-others-stay"),
    pytest.param("nofws", b"a b\tc\v\f\xa0\r\n", b"abc\v\f\xa0\r\n", id="nofws-others-stay"),
    # bare CR, bare LF, NUL
    pytest.param("simple", b"a\n\r\0\r\n", b"a\n\r\0\r\n", id="simple-bare"),
    pytest.param("simple", b"a\n\n", b"a\n\n\r\n", id="simple-bare-lf-ends-no-line"),
    pytest.param("simple", b"a\r", b"a\r\r\n", id="simple-final-cr"),
    pytest.param("simple", b"\r", b"\r\r\n", id="simple-only-a-cr"),
    pytest.param("simple", b"a\r\n\n\r\n\r\n", b"a\r\n\n\r\n", id="simple-lf-between-empty-lines"),
    pytest.param("simple", b"a\r\r\n\r\n", b"a\r\r\n", id="simple-cr-before-crlf"),
    pytest.param("simple", b"a\n\r\n\r\n", b"a\n\r\n", id="simple-lf-before-crlf"),
    pytest.param("relaxed", b"a \rb \n", b"a \rb \n\r\n", id="relaxed-bare-ends-no-line"),
    pytest.param("relaxed", b"a \r", b"a \r\r\n", id="relaxed-final-cr-after-wsp"),
    pytest.param("relaxed", b"\r\n \r", b"\r\n \r\r\n", id="relaxed-final-cr-behind-empty-lines"),
    pytest.param("nofws", b"a\r \nb\r\n", b"ab\r\n", id="nofws-makes-no-crlf-of-bare-ones"),
    pytest.param("nofws", b"a\r\r\n\n\r\n\r", b"a\r\n", id="nofws-drops-bare-cr-and-lf"),
]


@pytest.mark.parametrize(("form", "octets", "expected"), BODIES)
def test_body(form: str, octets: bytes, expected: bytes) -> None:
    assert body(form, octets) == expected


@pytest.mark.parametrize(("form", "octets", "expected"), BODIES)
def test_body_octet_by_octet(form: str, octets: bytes, expected: bytes) -> None:
    assert body(form, *(octets[at : at + 1] for at in range(len(octets)))) == expected


@pytest.mark.parametrize(
    ("form", "algorithm", "expected"),
    [
        ("simple", "sha256", "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),
        ("simple", "sha1", "uoq1oCgLlTqpdDX/iUbLy7J1Wic="),
        ("relaxed", "sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("relaxed", "sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
    ],
)
def test_the_hash_of_an_empty_body(form: str, algorithm: str, expected: str) -> None:
    # RFC 6376 §3.4.3 and §3.4.4 print them.
    assert hashlib.new(algorithm, body(form)).digest() == base64.b64decode(expected)


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_chunk_changes_nothing(form: str) -> None:
    assert body(form, b"", b"a \r", b"", b"\n", b"") == body(form, b"a \r\n")


@pytest.mark.parametrize("form", FORMS)
def test_a_view_is_taken_like_octets(form: str) -> None:
    octets = b"a  b\r\n" * 70_000 + b" \r\n\r\n"
    assert body(form, memoryview(octets)) == body(form, octets)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_taken_after_the_end(form: str) -> None:
    made = FORMS[form](Counter())
    made.finish()
    with pytest.raises(StateError):
        made.feed(b"a")
    with pytest.raises(StateError):
        made.finish()


def test_a_window_without_white_space_reaches_the_sink_without_a_copy() -> None:
    line = b"QUJD\r\n"
    pieces: list[bytes | memoryview] = []
    canonical.RelaxedBody(pieces.append).feed(line)
    assert pieces[0] is line


@pytest.mark.parametrize("form", FORMS)
def test_line_ends_that_come_back_are_given_out_in_bounded_pieces(form: str) -> None:
    sink = Counter()
    made = FORMS[form](sink)
    chunk = b"\r\n" * 50_000
    for _ in range(20):
        made.feed(chunk)
    made.feed(b"a")
    made.finish()
    assert sink.octets == 20 * len(chunk) + 3
    assert sink.largest <= 1 << 20


@pytest.mark.parametrize("form", ["relaxed", "nofws"])
def test_white_space_that_may_be_trailing_is_not_kept(form: str) -> None:
    sink = Counter()
    made = FORMS[form](sink)
    for _ in range(50):
        made.feed(b" \t" * 50_000)
        assert len(made._held) <= 2
    made.finish()
    assert sink.octets == 0


# --- windows ----------------------------------------------------------------------------------

WINDOWS = [
    pytest.param(b"", b"", id="empty"),
    pytest.param(b"QUJD\r\n" * 20, b"QUJD\r\n" * 20, id="no-white-space"),
    pytest.param(b"a b\r\n", b"a b\r\n", id="single-spaces"),
    pytest.param(b"a ", b"a ", id="white-space-at-the-end-stays"),
    pytest.param(b"a\t", b"a ", id="as-a-space"),
    pytest.param(b"a \r", b"a \r", id="a-bare-cr-is-no-line-end"),
    pytest.param(b" " * 99, b" ", id="only-spaces"),
    pytest.param(b"\t " * 99 + b"\r\n", b"\r\n", id="a-long-run-before-a-line-end"),
    pytest.param(b"a" * 31 + b"  " + b"b" * 31, b"a" * 31 + b" " + b"b" * 31, id="across-blocks"),
    pytest.param(b"x" * 15 + b" \r\n" + b"y" * 40, b"x" * 15 + b"\r\n" + b"y" * 40, id="line-end"),
    pytest.param(bytes(range(256)) + b"  ", bytes(range(9)) + b" " + bytes(range(10, 256)) + b" ",
                 id="every-octet"),
]  # fmt: skip


@pytest.mark.parametrize("twin", BOTH)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize(("window", "expected"), WINDOWS)
def test_relaxed_window(twin: ModuleType, kind: type, window: bytes, expected: bytes) -> None:
    assert bytes(twin.relax_body(kind(window))) == expected


@pytest.mark.parametrize("twin", BOTH)
def test_a_clean_window_comes_back_itself(twin: ModuleType) -> None:
    window = b"QUJD\r\n" * 99
    assert twin.relax_body(window) is window


def test_every_name_of_a_form_is_in_the_tables() -> None:
    assert set(canonical.BODY_FORMS) == set(canonical.HEADER_FORMS) == {"simple", "relaxed"}
    assert set(canonical.DOMAINKEYS_BODY_FORMS) == {"simple", "nofws"}
    assert set(canonical.DOMAINKEYS_HEADER_FORMS) == {"simple", "nofws"}
