"""Exact edit scripts between two sequences of octets: header fields, or lines of a body.

A script holds what it takes away and what it adds, so it works in both directions:
``script.apply(before) == after`` and ``script.undo(after) == before``, octet for octet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from avowal.errors import UsageError
from avowal.lists.alignment import runs


class EditMismatch(UsageError):
    """A script meets a sequence it was not made for; `place` counts items from 0."""

    def __init__(self, place: int) -> None:
        super().__init__(f"item {place} is not what the edit script was made for")
        self.place = place


@dataclass(frozen=True, slots=True)
class Keep:
    """This many items stay."""

    count: int


@dataclass(frozen=True, slots=True)
class Replace:
    """Items that go and items that come in their place; either may be empty."""

    removed: tuple[bytes, ...]
    added: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """Steps from the first item to the last."""

    steps: tuple[Keep | Replace, ...]

    @classmethod
    def between(cls, before: Sequence[bytes], after: Sequence[bytes]) -> Script:
        """Return a script that turns one sequence into the other."""
        return cls(tuple(_steps(before, after)))

    @property
    def reverse(self) -> Script:
        """The script that leads back."""
        return Script(
            tuple(
                step if isinstance(step, Keep) else Replace(step.added, step.removed)
                for step in self.steps
            )
        )

    @property
    def replacements(self) -> tuple[Replace, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if isinstance(step, Replace))

    def apply(self, before: Sequence[bytes]) -> list[bytes]:
        """Return the changed sequence.  Raises EditMismatch."""
        after: list[bytes] = []
        place = 0
        for step in self.steps:
            if isinstance(step, Keep):
                stop = place + step.count
                kept = before[place:stop]
                if len(kept) != step.count:
                    raise EditMismatch(len(before))
                after += kept
            else:
                stop = place + len(step.removed)
                _check(before[place:stop], step.removed, place)
                after += step.added
            place = stop
        if place != len(before):
            raise EditMismatch(place)
        return after

    def undo(self, after: Sequence[bytes]) -> list[bytes]:
        """Return the sequence as it was.  Raises EditMismatch."""
        return self.reverse.apply(after)

    def __bool__(self) -> bool:
        return any(isinstance(step, Replace) for step in self.steps)


def _check(found: Sequence[bytes], expected: Sequence[bytes], place: int) -> None:
    for offset, item in enumerate(expected):
        if offset >= len(found) or found[offset] != item:
            raise EditMismatch(place + offset)


def _steps(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[Keep | Replace]:
    for same, start, stop, new_start, new_stop in runs(before, after):
        if same:
            yield Keep(stop - start)
        else:
            yield Replace(tuple(before[start:stop]), tuple(after[new_start:new_stop]))
