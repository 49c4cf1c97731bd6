"""An index of patterns finds what trying each pattern finds, in the same order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from avowal.config.addresses import fits
from avowal.stores.patterns import PatternIndex

PATTERNS = st.lists(st.text("ab.@*", max_size=6), max_size=12)


@given(PATTERNS, st.text("ab.@", max_size=8))
def test_what_is_found_is_what_fits(patterns: list[str], text: str) -> None:
    tried = [
        number
        for number, pattern in enumerate(patterns)
        if (text == pattern if "*" not in pattern else fits(tuple(pattern.split("*")), text))
    ]
    assert PatternIndex(patterns).matching(text) == tried


def test_endings_of_thousands_of_domains_are_looked_up_and_not_tried() -> None:
    index = PatternIndex(f"*@d{number}.example" for number in range(10_000))
    assert index.matching("a@d9999.example") == [9999]
    assert index._others == []
