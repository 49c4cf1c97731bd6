"""Many patterns in which * stands for anything, found without trying each of them.

Tables of thousands of domains are written with patterns such as ``*@example.com``.  A pattern
without a star, or with one at its beginning, is found by looking it up; the others are tried.
"""

from __future__ import annotations

from collections.abc import Iterable

from avowal.config.addresses import fits


class PatternIndex:
    """Patterns in their order, numbered from 0."""

    __slots__ = ("_endings", "_lengths", "_others", "_whole")

    def __init__(self, patterns: Iterable[str]) -> None:
        self._whole: dict[str, list[int]] = {}
        self._endings: dict[str, list[int]] = {}
        self._others: list[tuple[int, tuple[str, ...]]] = []
        for number, pattern in enumerate(patterns):
            pieces = tuple(pattern.split("*"))
            if len(pieces) == 1:
                self._whole.setdefault(pattern, []).append(number)
            elif len(pieces) == 2 and not pieces[0]:
                self._endings.setdefault(pieces[1], []).append(number)
            else:
                self._others.append((number, pieces))
        self._lengths = sorted({len(ending) for ending in self._endings})

    def matching(self, text: str) -> list[int]:
        """Return the numbers of the patterns that match, in order."""
        found = list(self._whole.get(text, ()))
        for length in self._lengths:
            if length > len(text):
                break
            found += self._endings.get(text[len(text) - length :], ())
        found += [number for number, pieces in self._others if fits(pieces, text)]
        found.sort()
        return found
