"""A header is read chunk by chunk, up to the limits and beyond them."""

from __future__ import annotations

import tracemalloc

import pytest

from avowal.errors import StateError
from avowal.header_reader import HeaderReader
from avowal.limits import DEFAULT, Limits
from avowal.message import Header, split
from avowal.overflow import COUNTED

SECTION = b"A: 1\r\nb : 2\r\n\tfold\r\nC:3\r\nA: 4\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(SECTION + b"\r\nbody\r\n\r\n", id="whole"),
        pytest.param(SECTION, id="no-blank-line"),
        pytest.param(b"\r\nbody", id="no-header"),
        pytest.param(b"A: 1\r\r\n\r\n\r\nx", id="cr-before-the-end"),
    ],
)
def test_chunks_make_no_difference(octets: bytes, size: int) -> None:
    reader, body = HeaderReader(), b""
    for start in range(0, len(octets), size):
        chunk = octets[start : start + size]
        body += chunk if reader.header is not None else reader.feed(chunk) or b""
    header, expected = split(octets)
    assert (reader.finish().octets, body) == (Header.parse(header).octets, expected)


def test_a_body_may_be_larger_than_the_limit_of_the_header() -> None:
    reader = HeaderReader(limits=Limits(header_octets=10))
    assert reader.feed(b"A: 1\r\n\r\n" + b"x" * 100) == b"x" * 100


def test_a_reader_that_is_done_takes_no_more() -> None:
    reader = HeaderReader()
    reader.feed(b"A: 1\r\n\r\n")
    with pytest.raises(StateError):
        reader.feed(b"x")


def read(octets: bytes, size: int, limits: Limits) -> tuple[Header, bytes]:
    """Read a message in chunks of so many octets."""
    reader, body = HeaderReader(limits=limits), b""
    for start in range(0, len(octets), size):
        chunk = octets[start : start + size]
        body += chunk if reader.header is not None else reader.feed(chunk) or b""
    return reader.finish(), body


def oracle(octets: bytes, limits: Limits) -> tuple[list[bytes], dict[bytes, int], bool]:
    """What is to be kept and counted, found slowly: the raw fields, the counts, whether whole."""
    fields = list(Header.parse(split(octets)[0]))
    kept: list[bytes] = []
    names: set[bytes] = set()
    room, place = limits.header_octets, 0
    for field in fields:
        room -= len(field.raw) + 2
        if room < 0 or len(kept) == limits.header_fields:
            break
        kept.append(field.raw)
        names.add(field.name)
        place += 1
    counts: dict[bytes, int] = {}
    authors, author_octets = 0, 0
    for field in fields[place:]:
        if field.name == b"from":
            authors += 1
            author_octets += len(field.raw) + 2
            if authors <= limits.author_fields and author_octets <= limits.author_octets:
                kept.append(field.raw)
                continue
        if field.name and field.name in COUNTED | names:
            counts[field.name] = counts.get(field.name, 0) + 1
    return kept, counts, place == len(fields)


FROM = b"From: a@example.com\r\n"
FORGED = b"Authentication-Results: mx.example.org; dkim=pass\r\n"
LONG = b"x" * 1500
SPACES = b" " * 1500
MESSAGES = [
    pytest.param(SECTION * 9 + FROM + b"\r\nbody\r\n\r\nend", id="many-fields"),
    pytest.param(SECTION * 9 + FROM, id="no-body"),
    pytest.param(SECTION * 9 + FROM[:-2], id="no-last-line-end"),
    pytest.param(SECTION * 3 + FROM * 5 + FORGED * 2 + b"\r\nbody", id="several-From"),
    pytest.param(SECTION * 3 + b"From: " + LONG + b"\r\n" + FROM + b"\r\n\r\n", id="a-long-From"),
    pytest.param(b"X: " + LONG + b"\r\n" + SECTION + FROM + b"\r\nbody", id="a-long-field-on-top"),
    pytest.param(b"X: " + LONG + b"\r\n\r\nbody", id="one-long-field"),
    pytest.param(SECTION * 9 + b"From" + SPACES + b": a\r\n\r\nbody", id="space-before-a-colon"),
    pytest.param(b"X: " + LONG, id="nothing-but-a-long-field"),
    pytest.param(b"X: 1\r\n " + b"y\r\n " * 99 + b"\r\n" + FORGED + b"\r\nbody", id="folds"),
    pytest.param(SECTION * 9 + b"no field\r\n: 1\r\n" + FROM + b"\r\nb", id="no-fields"),
    pytest.param(SECTION * 9 + b"A: 1\r\r\n\r\nbody", id="cr-before-the-end"),
    pytest.param(SECTION * 9 + b"A: 1\n\n\r\n \r\n" + FROM + b"\r\n", id="bare-lf-and-empty-fold"),
]


@pytest.mark.parametrize("octets", MESSAGES)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(header_fields=3, author_octets=60), id="fields"),
        pytest.param(Limits(header_octets=50, author_octets=60), id="octets"),
        pytest.param(Limits(header_octets=330, author_fields=2), id="octets-and-few-authors"),
        pytest.param(Limits(header_octets=1, author_fields=1, author_octets=1), id="none"),
        pytest.param(DEFAULT, id="within"),
    ],
)
def test_beyond_a_limit_fields_are_counted_and_the_body_begins_where_it_does(
    octets: bytes, size: int, limits: Limits
) -> None:
    header, body = read(octets, size, limits)
    kept, counts, whole = oracle(octets, limits)
    assert body == bytes(split(octets)[1])
    assert header.raws == kept
    assert (header.beyond is None) is whole
    if header.beyond is not None:
        assert dict(header.beyond.counts) == counts
        assert header.beyond.fields == len(Header.parse(split(octets)[0]))
        assert header.beyond.authors_dropped is (b"from" in counts)


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        pytest.param(Limits(header_octets=20), "header_octets", id="octets"),
        pytest.param(Limits(header_fields=3), "header_fields", id="fields"),
    ],
)
def test_the_limit_is_named(limits: Limits, name: str) -> None:
    header, _ = read(SECTION, 100, limits)
    assert header.beyond is not None
    assert header.beyond.limit == name
    assert str(header.beyond) == f"the header of 4 fields is beyond limits.{name}"


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(b"X: y\r\n" * 200_000, id="many-fields"),
        pytest.param(b"X: " + b"y" * 6_000_000, id="one-field"),
        pytest.param(b"X: " + b"y\r\n " * 1_000_000, id="one-field-of-many-folds"),
        pytest.param(FROM * 200_000, id="From-fields"),
        pytest.param(b"From: " + b"y" * 6_000_000, id="one-From-field"),
        pytest.param(b"".join(b"X%06d:\r\n" % n for n in range(200_000)), id="as-many-names"),
    ],
)
def test_memory_is_bounded_however_large_a_header_is(section: bytes) -> None:
    limits = Limits(header_octets=100_000, header_fields=1000)
    chunks = [section[at : at + 65536] for at in range(0, len(section), 65536)]
    tracemalloc.start()
    reader = HeaderReader(limits=limits)
    for chunk in chunks:
        assert reader.feed(chunk) is None
    assert reader.finish().beyond is not None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000  # a piece of 64 KiB makes 10,000 fields for a moment
