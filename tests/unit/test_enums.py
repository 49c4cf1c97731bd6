"""Members of closed lists are words, and carry their sentence."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from enum import Enum, StrEnum

import pytest

import avowal
from avowal.enums import CitedWord, Word


class Plain(Word):
    """A list."""

    ONE = "one", "the first"


class Cited(CitedWord):
    """A list with sections."""

    ONE = "one", "RFC 1 §1", "the first"


@pytest.mark.parametrize("member", [Plain.ONE, Cited.ONE])
def test_a_member_is_its_word_and_has_a_sentence(member: Plain | Cited) -> None:
    assert member == "one"
    assert str(member) == f"{member}" == member.value == "one"
    assert json.dumps(member) == '"one"'
    assert member.sentence == "the first"


def test_a_word_finds_its_member() -> None:
    assert Plain("one") is Plain.ONE
    assert Cited("one").source == "RFC 1 §1"


def test_another_word_is_none_of_the_list() -> None:
    with pytest.raises(ValueError, match="two"):
        Plain("two")


def closed_lists(base: type[Enum]) -> Iterator[type[Enum]]:
    """Every list of the package that has its members, however deep."""
    for kind in base.__subclasses__():
        if kind.__module__.startswith("avowal.") and len(kind):
            yield kind
        yield from closed_lists(kind)


def all_modules() -> None:
    for module in pkgutil.walk_packages(avowal.__path__, "avowal."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def test_every_word_of_the_package_has_a_sentence() -> None:
    all_modules()
    lists = [*closed_lists(Word), *closed_lists(CitedWord)]
    assert lists
    assert [str(m) for kind in lists for m in kind if not m.sentence] == []


def test_a_list_of_words_has_one_base() -> None:
    """StrEnum prints its word; `class X(str, Enum)` prints X.MEMBER and needs a __str__."""
    all_modules()
    lists = [kind for kind in closed_lists(Enum) if issubclass(kind, str)]
    assert [k.__qualname__ for k in lists if not issubclass(k, StrEnum)] == []
