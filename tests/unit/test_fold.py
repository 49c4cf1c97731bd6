"""Folding of the fields we write."""

from __future__ import annotations

import pytest

from avowal.fold import WIDTH, Folder, fold_tags
from avowal.taglist import TagList


def lines(octets: bytes) -> list[bytes]:
    return octets.expandtabs(8).split(b"\r\n")


def test_no_line_is_longer_than_78_columns() -> None:
    folder = Folder(b"X:")
    for _ in range(50):
        folder.token(b"word", space=True)
    assert max(map(len, lines(folder.octets))) <= WIDTH


def test_a_token_is_never_broken_however_long() -> None:
    folder = Folder(b"X:")
    token = b"t" * 200
    folder.token(token, space=True)
    assert folder.octets == b"X:\r\n\t" + token


def test_base64_breaks_where_the_line_is_full() -> None:
    folder = Folder(b"X: b=")
    folder.base64(b"A" * 200)
    assert [len(line) for line in lines(folder.octets)] == [78, 78, 65]


def test_the_column_is_where_the_next_octet_stands() -> None:
    folder = Folder(b"X:")
    folder.token(b"abc", space=True)
    assert folder.column == len(folder.octets) == 6


@pytest.mark.parametrize("length", [1, 60, 70, 77, 78, 79, 150])
def test_tags_survive_folding(length: int) -> None:
    names = [b"n" * length, b":second", b":third"]
    folder = fold_tags(b"X", [("h", names), ("bh", [b"B" * length])], base64=frozenset({"bh"}))
    tags = TagList.parse(folder.octets.partition(b":")[2])
    assert [tag.name for tag in tags] == ["h", "bh"]
    joined = b"".join((tags.get("h") or b"").split())
    assert joined == b"".join(names)


def test_a_tag_without_a_value_is_written() -> None:
    assert fold_tags(b"X", [("b", [])], base64=frozenset()).octets == b"X: b="
