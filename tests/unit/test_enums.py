"""Members of closed lists are words, and carry their sentence."""

from __future__ import annotations

import json

import pytest

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
