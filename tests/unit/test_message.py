"""The message model: exact octets, selection of fields, streaming, stored files."""

from __future__ import annotations

import pytest

from avowal.line_ends import WireForm, looks_stored
from avowal.message import Field, Header, Message, split

HEADER = b"A: 1\r\nb : 2\r\n\tfold\r\nC:3\r\nA: 4\r\n"


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        pytest.param(b"Subject: x", b"subject", b" x", id="plain"),
        pytest.param(b"SUBJECT \t:x", b"subject", b"x", id="white-space-before-the-colon"),
        pytest.param(b"X:", b"x", b"", id="empty"),
        pytest.param(b"X: a:b", b"x", b" a:b", id="the-first-colon-counts"),
        pytest.param(b"X: a\r\n b\r\n", b"x", b" a\r\n b", id="folded-with-its-crlf"),
        pytest.param(b"X: \xff\x00", b"x", b" \xff\x00", id="8-bit-and-nul"),
    ],
)
def test_a_field_has_a_name_and_a_value(raw: bytes, name: bytes, value: bytes) -> None:
    field = Field.of(raw)
    assert (field.name, field.value) == (name, value)


@pytest.mark.parametrize(
    ("octets", "names"),
    [
        pytest.param(HEADER, [b"a", b"b", b"c", b"a"], id="fields-and-folds"),
        pytest.param(HEADER[:-2], [b"a", b"b", b"c", b"a"], id="without-the-last-crlf"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"no field\r\nA: 1\r\n", [b"", b"a"], id="a-line-without-colon"),
        pytest.param(b": x\r\n", [b""], id="no-name"),
        pytest.param(b"a b: x\r\n", [b""], id="a-space-in-the-name"),
        pytest.param(b"\xc3\xbc: x\r\n", [b""], id="an-8-bit-name"),
        pytest.param(b" x: 1\r\nA: 1\r\n", [b"", b"a"], id="a-continuation-of-nothing"),
        pytest.param(b"From a@b Tue Nov 14 22:13\r\nA: 1\r\n", [b"", b"a"], id="an-mbox-line"),
        pytest.param(b"A: 1\nB: 2\r\n", [b"a"], id="a-bare-lf-ends-no-field"),
        pytest.param(b"A: 1\rB: 2\r\n", [b"a"], id="nor-a-bare-cr"),
        pytest.param(b"A: 1\r\n \r\n", [b"a"], id="a-blank-continuation"),
    ],
)
def test_a_header_is_split_into_fields(octets: bytes, names: list[bytes]) -> None:
    assert Header.parse(octets).names == names


def test_a_header_gives_its_octets_back() -> None:
    assert Header.parse(HEADER).octets == HEADER


def test_fields_of_a_name_come_from_top_to_bottom() -> None:
    assert [field.value for field in Header.parse(HEADER).named(b"a")] == [b" 1", b" 4"]


def test_a_header_can_be_built_of_fields() -> None:
    fields = list(Header.parse(HEADER))
    assert Header.of(fields).octets == HEADER


@pytest.mark.parametrize(
    ("names", "places"),
    [
        pytest.param([b"a"], [3], id="the-lowest"),
        pytest.param([b"a", b"a"], [3, 0], id="bottom-up"),
        pytest.param([b"a", b"a", b"a"], [3, 0], id="no-third-adds-nothing"),
        pytest.param([b"a", b"c", b"a"], [3, 2, 0], id="with-others-between"),
        pytest.param([b"x", b"c"], [2], id="an-absent-name-adds-nothing"),
        pytest.param([b"b"], [1], id="white-space-before-the-colon-means-nothing"),
        pytest.param([], [], id="no-names"),
    ],
)
def test_selection_takes_the_lowest_field_not_yet_taken(
    names: list[bytes], places: list[int]
) -> None:
    assert Header.parse(HEADER).select(names) == places


def test_the_signature_under_work_is_never_selected() -> None:
    assert Header.parse(HEADER).select([b"a", b"a"], except_at=3) == [0]


@pytest.mark.parametrize(
    ("octets", "header", "body"),
    [
        pytest.param(b"A: 1\r\n\r\nx", b"A: 1\r\n", b"x", id="header-and-body"),
        pytest.param(b"A: 1\r\n\r\n\r\nx", b"A: 1\r\n", b"\r\nx", id="an-empty-line-in-the-body"),
        pytest.param(b"A: 1\r\n\r\n", b"A: 1\r\n", b"", id="no-body"),
        pytest.param(b"A: 1\r\n", b"A: 1\r\n", b"", id="no-blank-line"),
        pytest.param(b"A: 1", b"A: 1", b"", id="no-line-end"),
        pytest.param(b"\r\nx", b"", b"x", id="no-header"),
        pytest.param(b"", b"", b"", id="nothing"),
        pytest.param(b"A: 1\n\nx\r\n\r\ny", b"A: 1\n\nx\r\n", b"y", id="bare-lf-ends-no-header"),
        pytest.param(b"A: 1\r\n \r\nB: 2\r\n\r\ny", b"A: 1\r\n \r\nB: 2\r\n", b"y", id="wsp-line"),
    ],
)
def test_the_first_blank_line_ends_the_header(octets: bytes, header: bytes, body: bytes) -> None:
    assert split(octets) == (header, body)
    assert Message.parse(octets).body == body


@pytest.mark.parametrize(
    ("stored", "bare_cr", "wire"),
    [
        pytest.param(b"a\nb\n", False, b"a\r\nb\r\n", id="lf"),
        pytest.param(b"a\r\nb\n", False, b"a\r\nb\r\n", id="mixed"),
        pytest.param(b"a\r\nb\r\n", False, b"a\r\nb\r\n", id="wire-already"),
        pytest.param(b"a\rb\n", False, b"a\rb\r\n", id="a-bare-cr-stays"),
        pytest.param(b"a\rb\n", True, b"a\r\nb\r\n", id="unless-asked-for"),
        pytest.param(b"a\r\r\n", True, b"a\r\n\r\n", id="cr-cr-lf"),
        pytest.param(b"a\r", True, b"a\r\n", id="a-cr-at-the-end"),
        pytest.param(b"a\r", False, b"a\r", id="a-cr-at-the-end-stays"),
        pytest.param(b"\n\n", False, b"\r\n\r\n", id="empty-lines"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_stored_message_gets_its_line_ends_back(
    stored: bytes, wire: bytes, size: int, *, bare_cr: bool
) -> None:
    form = WireForm(bare_cr=bare_cr)
    made = b"".join(form.feed(stored[i : i + size]) for i in range(0, len(stored), size))
    assert made + form.finish() == wire


def test_a_conversion_can_be_seen() -> None:
    assert Message.from_stored(b"A: 1\n\nx\n").converted
    assert not Message.from_stored(b"A: 1\r\n\r\nx\r\n").converted


def test_a_message_gives_its_octets_back() -> None:
    octets = HEADER + b"\r\nbody"
    assert Message.parse(octets).octets == octets


@pytest.mark.parametrize(
    ("beginning", "stored"),
    [(b"A: 1\n", True), (b"A: 1\r\nB: 2\n", False), (b"A: 1", False), (b"", False), (b"\n", True)],
)
def test_the_first_line_tells_a_stored_file(beginning: bytes, *, stored: bool) -> None:
    assert looks_stored(beginning) is stored
