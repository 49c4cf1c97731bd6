"""Closed lists whose members are words for programs and carry a sentence for people.

A list is a subclass: ``class Cause(Word): CLAIM = "claims-our-id", "it claims our id"``.  Its
members are their words: they compare, hash and print as such.  The sentence has a default
only because a call with the word alone finds the member.
"""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """A word and its sentence."""

    sentence: str

    def __new__(cls, word: str, sentence: str = "") -> Word:
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member


class CitedWord(StrEnum):
    """A word, the section it comes from, and its sentence."""

    source: str
    sentence: str

    def __new__(cls, word: str, source: str, sentence: str) -> CitedWord:
        member = str.__new__(cls, word)
        member._value_ = word
        member.source = source
        member.sentence = sentence
        return member
