from __future__ import annotations

import base64
from collections.abc import Callable
from random import Random
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.properties import oracle
from tests.properties.strategies import BODIES, FIELDS, SNIPPETS, Cut, cuts, headers, tag_lists

from avowal import _pure, canonical
from avowal.canonical import BODY_FORMS, DOMAINKEYS_BODY_FORMS
from avowal.header_reader import HeaderReader
from avowal.line_ends import WireForm
from avowal.message import Header, Message, split
from avowal.taglist import FWS, TagList

ORACLE: dict[str, Callable[[bytes], bytes]] = {
    "simple": oracle.simple_body,
    "relaxed": oracle.relaxed_body,
}
ALL_FORMS = {**{f"domainkeys-{n}": f for n, f in DOMAINKEYS_BODY_FORMS.items()}, **BODY_FORMS}


def body(form: str, pieces: tuple[bytes, ...]) -> bytes:
    made: list[bytes] = []
    canonicalizer = ALL_FORMS[form](lambda octets: made.append(bytes(octets)))
    for piece in pieces:
        canonicalizer.feed(piece)
    canonicalizer.finish()
    return b"".join(made)


@given(octets=BODIES)
@example(octets=b"a\r\n \r\n\t\r\n")
@example(octets=b"\r\n\r\n")
@pytest.mark.parametrize("form", ORACLE)
def test_bodies_agree_with_the_plain_reading(form: str, octets: bytes) -> None:
    assert body(form, (octets,)) == ORACLE[form](octets)


@given(cut=cuts(BODIES))
@pytest.mark.parametrize("form", ALL_FORMS)
def test_where_a_body_is_cut_cannot_be_seen(form: str, cut: Cut) -> None:
    assert body(form, cut.pieces) == body(form, (cut.whole,))


@given(octets=BODIES)
@pytest.mark.parametrize("form", ALL_FORMS)
def test_a_canonical_body_is_its_own_form(form: str, octets: bytes) -> None:
    once = body(form, (octets,))
    assert body(form, (once,)) == once


@given(octets=BODIES)
def test_relaxed_only_takes_white_space_away(octets: bytes) -> None:
    def kept(text: bytes) -> bytes:
        return text.translate(None, b" \t\r\n")

    assert kept(body("relaxed", (octets,))) == kept(octets)


@given(field=FIELDS)
def test_fields_agree_with_the_plain_reading(field: bytes) -> None:
    colon = field.index(b":")
    assert canonical.relaxed_field(field, colon) == oracle.relaxed_field(field)


@given(field=FIELDS)
def test_a_relaxed_field_is_its_own_form(field: bytes) -> None:
    once = canonical.relaxed_field(field, field.index(b":"))
    assert canonical.relaxed_field(once, once.index(b":")) == once


@given(header=headers())
def test_headers_are_split_as_the_plain_reading_does(header: bytes) -> None:
    assert Header.parse(header).raws == oracle.fields_of(header)


@given(header=headers())
def test_a_header_is_all_its_fields(header: bytes) -> None:
    parsed = Header.parse(header)
    assert parsed.octets == header
    assert Header.of(parsed).positions == parsed.positions


NAMES = st.lists(
    st.sampled_from([b"from", b"to", b"x-y", b"subject", b"date", b"none"]), max_size=9
)


@given(header=headers(), more=st.lists(FIELDS, max_size=4), names=NAMES)
def test_fields_are_selected_as_the_plain_reading_does(
    header: bytes, more: list[bytes], names: list[bytes]
) -> None:
    fields = [*oracle.fields_of(header), *more]
    parsed = Header.parse(b"".join(field + b"\r\n" for field in fields))
    chosen = [parsed.raws[place] for place in parsed.select(names)]
    assert chosen == oracle.selected(oracle.fields_of(parsed.octets), names)


@given(header=headers(), place=st.integers(0, 6), names=NAMES)
def test_the_signature_under_work_is_never_selected(
    header: bytes, place: int, names: list[bytes]
) -> None:
    parsed = Header.parse(header)
    place = min(place, len(parsed) - 1)
    assert place not in parsed.select(names, except_at=place)


@given(cut=cuts(st.one_of(BODIES, headers(), st.tuples(headers(), BODIES).map(b"\r\n".join))))
def test_where_a_message_is_cut_cannot_be_seen(cut: Cut) -> None:
    reader = HeaderReader()
    content = b""
    for piece in cut.pieces:
        if reader.header is None:
            content += reader.feed(piece) or b""
        else:
            content += piece
    header = reader.finish()
    section, rest = split(cut.whole)
    assert (header.raws, content) == (Header.parse(section).raws, bytes(rest))


@given(cut=cuts(BODIES), bare_cr=st.booleans())
def test_where_a_stored_message_is_cut_cannot_be_seen(cut: Cut, *, bare_cr: bool) -> None:
    def converted(pieces: tuple[bytes, ...]) -> bytes:
        form = WireForm(bare_cr=bare_cr)
        return b"".join([*map(form.feed, pieces), form.finish()])

    wire = converted(cut.pieces)
    assert wire == converted((cut.whole,)) == converted((wire,))
    assert wire.count(b"\n") == wire.count(b"\r\n")
    if bare_cr:
        assert wire.count(b"\r") == wire.count(b"\r\n")


@given(octets=BODIES)
def test_the_wire_form_of_a_message_is_the_message(octets: bytes) -> None:
    message = Message.parse(octets)
    assert message.octets.rstrip(b"\r\n") == octets.rstrip(b"\r\n") or b"\r\n\r\n" not in octets


# --- the C kernel and its twin ----------------------------------------------------------------

kernel = pytest.importorskip("avowal._kernel", reason="the C kernel is not built here")
WINDOWS = st.tuples(BODIES, st.integers(0, 40)).map(lambda pair: pair[0] * (pair[1] or 1))


def outcome(twin: ModuleType, name: str, *args: object) -> object:
    try:
        result = getattr(twin, name)(*args)
    except (ValueError, LookupError) as error:
        return type(error)
    return bytes(result) if isinstance(result, memoryview) else result


@given(octets=WINDOWS)
@pytest.mark.parametrize(
    "name",
    [
        "relax_body",
        "split_header",
        "bare_lf",
        "bare_break",
        "lf_to_crlf",
        "breaks_to_crlf",
        "final_line_ends",
    ],
)
def test_the_twins_agree_on_octets(name: str, octets: bytes) -> None:
    assert outcome(kernel, name, octets) == outcome(_pure, name, octets)


@given(octets=st.one_of(headers(), BODIES), most=st.integers(0, 6))
def test_the_twins_split_as_many_fields_as_they_may(octets: bytes, most: int) -> None:
    whole = _pure.split_header(octets)
    cut = tuple(part[: most + 1] for part in whole)
    assert _pure.split_header(octets, most) == kernel.split_header(octets, most) == cut


@given(octets=st.one_of(FIELDS, BODIES), colon=st.integers(-2, 30))
def test_the_twins_agree_on_a_field(octets: bytes, colon: int) -> None:
    assert outcome(kernel, "relax_field", octets, colon) == outcome(
        _pure, "relax_field", octets, colon
    )


@given(octets=st.one_of(headers(), BODIES), places=st.lists(st.integers(-1, 8), max_size=8))
def test_the_twins_agree_on_fields(octets: bytes, places: list[int]) -> None:
    lists = _pure.split_header(octets)
    assert outcome(kernel, "relax_fields", *lists, places) == outcome(
        _pure, "relax_fields", *lists, places
    )


@given(names=st.lists(st.sampled_from([b"", b"from", b"to", b"x"]), max_size=12), wanted=NAMES)
def test_the_twins_agree_on_the_places_of_names(names: list[bytes], wanted: list[bytes]) -> None:
    positions, repeated = _pure.index_names(names)
    assert kernel.index_names(names) == (positions, repeated)
    for place in range(-1, len(names)):
        args = positions, tuple(wanted), place, len(names)
        assert kernel.select_places(*args) == _pure.select_places(*args)


@given(
    octets=st.one_of(headers(), BODIES), most=st.integers(0, 6), octets_at_most=st.integers(0, 80)
)
def test_the_twins_scan_the_header_of_a_message(
    octets: bytes, most: int, octets_at_most: int
) -> None:
    section, _ = split(octets)
    lists = _pure.split_header(section)
    beyond = len(section) > octets_at_most or len(lists[0]) > most
    for twin in (kernel, _pure):
        scanned = twin.scan_header(octets, octets_at_most, most)
        assert (scanned is None) == beyond
        if scanned is not None:
            index, *rest = scanned
            assert rest == [len(lists[0]), len(section), _pure.index_names(lists[1])[1]]
            assert twin.listed_header(index) == lists


@given(
    octets=st.one_of(headers(), BODIES),
    extra=st.lists(st.sampled_from([b"", b"a", b"A", b"none", b"\0", b"b c"]), max_size=3),
    chance=st.randoms(use_true_random=False),
)
def test_an_index_says_what_the_lists_say(
    octets: bytes, extra: list[bytes], chance: Random
) -> None:
    scanned = kernel.scan_header(octets, 1 << 20, 1000)
    assert scanned is not None
    index, count, size, _ = scanned
    lists = _pure.split_header(octets[:size])
    positions, _ = _pure.index_names(lists[1])
    for name in {*lists[1], *extra}:
        assert kernel.places_of(index, name) == positions.get(name, [])
    for place in range(count):
        assert kernel.field_at(index, place) == (lists[0][place], lists[2][place])
    wanted = tuple(chance.choices([*lists[1], *extra, b"to"], k=chance.randrange(9)))
    for place in range(-1, count):
        chosen = _pure.select_places(positions, wanted, place, count)
        assert outcome(kernel, "signed_fields", index, wanted, place, True) == outcome(
            _pure, "relax_fields", *lists, chosen
        )
        as_they_are = b"".join(lists[0][at] + b"\r\n" for at in chosen)
        assert kernel.signed_fields(index, wanted, place, False) == as_they_are


@pytest.mark.parametrize("place", [-1, 1])
def test_an_index_refuses_a_place_that_is_not_there(place: int) -> None:
    for twin in (kernel, _pure):
        scanned = twin.scan_header(b"A: 1\r\n\r\n", 99, 9)
        assert scanned is not None
        with pytest.raises(IndexError):
            twin.field_at(scanned[0], place)


BASE64 = st.lists(st.sampled_from([b"A", b"/", b"QUJD", b"=", b"\r\n ", b"-", b"\xff"]), max_size=9)


@given(octets=BASE64.map(b"".join) | st.binary(max_size=40))
def test_the_twins_decode_the_same_base64(octets: bytes) -> None:
    assert kernel.base64_octets(octets) == _pure.base64_octets(octets)


VALUE = st.sampled_from([
    b"", b"0", b"17", b"9" * 18, b"9" * 19, b"-1", b" 1", b"1_0", b"QUI=", b"Q\r\n U I=", b"a/b",
])  # fmt: skip


@given(values=st.dictionaries(st.sampled_from("abctxz"), VALUE))
def test_the_twins_read_the_same_usual_values(values: dict[str, bytes]) -> None:
    kinds: dict[str, object] = {
        "b": bytes,
        "t": int,
        "x": int,
        "c": {b"a/b": ("a", "b")},
        "a": object,
    }
    ours: dict[str, object] = {}
    twins: dict[str, object] = {}
    assert kernel.read_usual(values, kinds, ours) == _pure.read_usual(values, kinds, twins)
    assert ours == twins


@given(octets=st.binary(max_size=900), place=st.integers(0, 2000))
def test_base64_is_decoded_whatever_white_space_stands_in_it(octets: bytes, place: int) -> None:
    text = base64.b64encode(octets)
    for twin in (kernel, _pure):
        assert twin.base64_octets(text[:place] + b"\r\n\t " + text[place:]) == octets


@given(octets=WINDOWS, column=st.integers(-1, 9), most=st.integers(-1, 12))
def test_the_twins_agree_on_columns(octets: bytes, column: int, most: int) -> None:
    assert outcome(kernel, "column_after", octets, column, most) == outcome(
        _pure, "column_after", octets, column, most
    )


LISTS = st.one_of(
    tag_lists().map(lambda written: written[0]),
    st.lists(st.sampled_from(SNIPPETS), max_size=14).map(b"".join),
    st.binary(max_size=40),
)


def read(twin: ModuleType, octets: bytes, most: int) -> object:
    """The rows in their order, or what is wrong and where."""
    try:
        values = twin.tag_list(octets, most)
    except ValueError as fault:
        return fault.args
    return list(values.items())


@given(octets=LISTS, most=st.integers(0, 5))
def test_the_twins_agree_on_tag_lists(octets: bytes, most: int) -> None:
    assert read(kernel, octets, most) == read(_pure, octets, most)
    assert kernel.no_fold(octets) == _pure.no_fold(octets)


@given(octets=LISTS, name=st.sampled_from(["", "a", "b", "bh", "x1"]))
def test_the_twins_agree_on_where_a_tag_stands(octets: bytes, name: str) -> None:
    assert outcome(kernel, "tag_place", octets, name) == outcome(_pure, "tag_place", octets, name)


@given(octets=LISTS)
def test_a_value_stands_where_its_place_says(octets: bytes) -> None:
    found = TagList.salvage(octets)
    for name, value in found.values.items():
        start, stop = found.place(name)
        assert octets[start:stop].strip(FWS) == value
        assert octets[:start].rstrip(FWS).endswith(b"=")


@given(cut=cuts(BODIES), most=st.integers(1, 9))
def test_columns_are_what_splitting_says(cut: Cut, most: int) -> None:
    column = 0
    for piece in cut.pieces:
        column = _pure.column_after(piece, column, most) if column >= 0 else column
    *ended, last = cut.whole.split(b"\n")
    fits = all(len(line) < most for line in ended) and len(last) < most
    assert column == (len(last) if fits else -1)
