"""tag=value lists, RFC 6376 §3.2."""

from __future__ import annotations

import pytest

from avowal.errors import SyntaxFault
from avowal.taglist import (
    TagList,
    TagListFault,
    colon_list,
    first_bare_break,
    from_base64,
    without_fws,
)


def read(octets: bytes) -> dict[str, bytes]:
    return {tag.name: tag.value for tag in TagList.parse(octets)}


@pytest.mark.parametrize(
    ("octets", "tags"),
    [
        pytest.param(b"a=1", {"a": b"1"}, id="one-tag"),
        pytest.param(b"a=1;b=2;", {"a": b"1", "b": b"2"}, id="a-final-semicolon"),
        pytest.param(b"a=1; \r\n\t", {"a": b"1"}, id="white-space-behind-it"),
        pytest.param(b" \r\n a\t=\r\n 1 \r\n ;b = 2", {"a": b"1", "b": b"2"}, id="fws-around"),
        pytest.param(b"a=x y\r\n\tz", {"a": b"x y\r\n\tz"}, id="white-space-inside-stays"),
        pytest.param(b"a=b=c==", {"a": b"b=c=="}, id="equals-in-the-value"),
        pytest.param(b"a=;b= ;c=\r\n ", {"a": b"", "b": b"", "c": b""}, id="empty-values"),
        pytest.param(b"a_1Z=x", {"a_1Z": b"x"}, id="digits-and-underscore-in-a-name"),
        pytest.param(b"a=1;A=2", {"a": b"1", "A": b"2"}, id="the-case-of-names-counts"),
        pytest.param(b"a=RsA", {"a": b"RsA"}, id="the-case-of-values-stays"),
        pytest.param("a=ü".encode(), {"a": "ü".encode()}, id="utf-8"),
        pytest.param(b"a=1\r\n \r\n ;b=2", {"a": b"1", "b": b"2"}, id="several-folds"),
        pytest.param(b"", {}, id="no-octets-no-tags"),
    ],
)
def test_a_list_is_read(octets: bytes, tags: dict[str, bytes]) -> None:
    assert read(octets) == tags


@pytest.mark.parametrize(
    ("octets", "offset", "why"),
    [
        pytest.param(b"a=1;;b=2", 4, "tag name", id="an-empty-spec"),
        pytest.param(b";a=1", 0, "tag name", id="a-semicolon-first"),
        pytest.param(b"a=1;;", 4, "tag name", id="two-semicolons-last"),
        pytest.param(b"a=1;b", 4, "tag name", id="no-equals"),
        pytest.param(b"a=1;1b=2", 4, "tag name", id="a-digit-first"),
        pytest.param(b"a=1;_b=2", 4, "tag name", id="an-underscore-first"),
        pytest.param(b"x-y=1", 0, "tag name", id="a-hyphen"),
        pytest.param(b"a b=1", 0, "tag name", id="a-space-in-the-name"),
        pytest.param(b"=1", 0, "tag name", id="no-name"),
        pytest.param(b" ", 0, "tag name", id="white-space-alone"),
        pytest.param(b"a=1;b=2;a=1", 8, "stands twice", id="a-tag-twice"),
        pytest.param(b"zz=1;zz=2", 5, "stands twice", id="an-unknown-tag-twice"),
        pytest.param(b"a=\x001", 2, "0x00", id="nul"),
        pytest.param(b"a=1\x7f", 3, "0x7f", id="del"),
        pytest.param(b"a=1\x0b", 3, "0x0b", id="vertical-tab"),
        pytest.param(b"a=1\r\nb", 3, "no fold", id="a-line-break-that-is-no-fold"),
        pytest.param(b"a=1\n b", 3, "no fold", id="a-bare-line-feed"),
        pytest.param(b"a=1\r b", 3, "no fold", id="a-bare-carriage-return"),
        pytest.param(b"a=1\r\n\r\n b", 3, "no fold", id="two-line-breaks"),
        pytest.param(b"a=1\r\n", 3, "no fold", id="a-line-break-at-the-end"),
    ],
)
def test_a_malformed_list_is_refused_with_the_place(octets: bytes, offset: int, why: str) -> None:
    with pytest.raises(TagListFault, match=why) as caught:
        TagList.parse(octets)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("octets", "emptied"),
    [
        pytest.param(b"b=x; a=1", b"b=; a=1", id="first"),
        pytest.param(b"a=1; b= x y ; bh=b=; c=2", b"a=1; b=; bh=b=; c=2", id="in-the-middle"),
        pytest.param(b"bh=b=x; b=x", b"bh=b=x; b=", id="last-without-semicolon"),
        pytest.param(b"a=1;b=x\r\n y ;", b"a=1;b=;", id="last-with-semicolon"),
        pytest.param(b"a=1; b \r\n = \r\n x", b"a=1; b \r\n =", id="fws-before-the-equals-stays"),
        pytest.param(b"z=b=x; b=", b"z=b=x; b=", id="empty-already"),
    ],
)
def test_emptying_a_value_leaves_every_other_octet(octets: bytes, emptied: bytes) -> None:
    assert TagList.parse(octets).without_value("b") == emptied


def test_a_tag_knows_where_its_value_stands() -> None:
    octets = b"a=1; bh = \r\n xyz ; c=2"
    tag = TagList.parse(octets).tag("bh")
    assert tag is not None
    assert octets[tag.start : tag.stop] == b" \r\n xyz "


def test_an_absent_tag_is_none_and_an_empty_one_is_not() -> None:
    tags = TagList.parse(b"a=")
    assert (tags.get("a"), tags.get("b"), tags.tag("b")) == (b"", None, None)
    assert "a" in tags
    assert len(tags) == 1


def test_the_number_of_tags_has_a_limit() -> None:
    octets = b";".join(b"t%d=1" % number for number in range(65))
    with pytest.raises(TagListFault, match="more than 64 tags"):
        TagList.parse(octets)
    assert len(TagList.parse(octets, most=65)) == 65


@pytest.mark.parametrize("octets", [b"a=1;bb=2;c=3", b"a=1;bb=2;c=3; ", b"a=1;bb=2;c=3;d=4;e=5"])
def test_the_fault_stands_at_the_first_tag_too_many(octets: bytes) -> None:
    with pytest.raises(TagListFault) as caught:
        TagList.parse(octets, most=2)
    assert caught.value.offset == octets.index(b"c")


def test_the_final_semicolon_is_no_tag_over_the_limit() -> None:
    assert len(TagList.parse(b"a=1;b=2;", most=2)) == 2


def test_salvage_keeps_what_can_be_read_and_the_first_of_two() -> None:
    tags = TagList.salvage(b"a=1;;b\x00=2;c=\x003;a=4;=;d=5")
    assert {tag.name: tag.value for tag in tags} == {"a": b"1", "c": b"\x003", "d": b"5"}


def test_salvage_looks_at_so_many_specs_only() -> None:
    assert len(TagList.salvage(b"a=1;b=2;c=3", most=2)) == 2


def test_valueclass_for_people_are_one_line_each() -> None:
    tags = TagList.salvage(b"a=x\r\n\x1b[31m;b=\xff;c=" + "ü".encode())
    assert tags.as_text() == {"a": "x\\r\\n\\x1b[31m", "b": "\\xff", "c": "ü"}


def test_colon_lists_drop_fws_around_elements() -> None:
    assert colon_list(b" From :\r\n\tTo: :x") == [b"From", b"To", b"", b"x"]


def test_without_fws_knows_four_octets() -> None:
    assert without_fws(b" a\tb\r\nc\x0bd\xa0") == b"abc\x0bd\xa0"


@pytest.mark.parametrize(
    ("octets", "place"),
    [(b"a\r\n b", None), (b"a", None), (b"\n", 0), (b"a\r", 1), (b"\r\n", 0), (b"\r\n \r\nx", 3)],
)
def test_a_line_break_that_is_no_fold_is_found(octets: bytes, place: int | None) -> None:
    assert first_bare_break(octets) == place


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(b"QUJD==", "more padding than it takes", id="padding-behind-a-whole-end"),
        pytest.param(b"=", "more padding than it takes", id="padding-alone"),
        pytest.param(b"QUI==", "more padding than it takes", id="padding-twice"),
        pytest.param(b"QUI", "it lacks its end", id="no-padding"),
        pytest.param(b"QUJDR", "it lacks its end", id="a-single-digit"),
        pytest.param(b"QU=JD", "padding in front of its end", id="padding-within"),
        pytest.param(b"QU-_", "an octet that is none of its digits", id="another-alphabet"),
    ],
)
def test_what_is_no_base64_is_told_in_the_same_words_everywhere(text: bytes, why: str) -> None:
    with pytest.raises(SyntaxFault, match=why):
        from_base64(text)
