"""Counting by cause and effect, in memory that does not grow with the archive.

Whether an unsigned message looks forged depends on what the author's domain does otherwise, so
the counts of each domain are kept until the end: numbers, never messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from avowal.simulation.causes import UNSIGNED, Cause
from avowal.simulation.evidence import Fate

MOST_DOMAINS: Final = 50_000  # author organizations that are told apart
LEAST_MESSAGES: Final = 20  # of a domain, before its habits say anything
SIGNING_SHARE: Final = 0.95  # of a domain's messages: then the rest looks forged

Effects: TypeAlias = tuple[str, ...]
"""The effect of each candidate on a message, in their order."""
Counts: TypeAlias = Counter[tuple[Cause, Effects]]


@dataclass(slots=True)
class _Habit:
    """What one organization does: its messages, how many it signed, and those it did not."""

    messages: int = 0
    signed: int = 0
    unsigned: Counts = field(default_factory=Counter)

    @property
    def signs(self) -> bool:
        """Whether it signs nearly all of its mail, as far as there is enough to say so."""
        enough = self.messages >= LEAST_MESSAGES
        return enough and self.signed >= SIGNING_SHARE * self.messages


class Tally:
    """Counts messages.

    `beyond` counts those whose organization came after `MOST_DOMAINS` others: they keep the
    cause that they show, and are never called forgery-like.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.beyond = 0
        self.signatures: Counter[Fate] = Counter()
        self._settled: Counts = Counter()
        self._habits: dict[str, _Habit] = {}

    def add(
        self, organizations: Iterable[str], cause: Cause, fates: Iterable[Fate], effects: Effects
    ) -> None:
        """Count one message of the given author organizations."""
        self.messages += 1
        self.signatures.update(fates)
        unsigned = cause in UNSIGNED
        kept = False
        for name in organizations:
            habit = self._habit(name)
            if habit is None:
                self.beyond += 1
                continue
            habit.messages += 1
            habit.signed += not unsigned
            if unsigned and not kept:  # under the first organization alone: it counts once
                habit.unsigned[cause, effects] += 1
                kept = True
        if not kept:
            self._settled[cause, effects] += 1

    def _habit(self, name: str) -> _Habit | None:
        habit = self._habits.get(name)
        if habit is None and len(self._habits) < MOST_DOMAINS:
            habit = self._habits[name] = _Habit()
        return habit

    @property
    def organizations(self) -> int:
        """How many author organizations there are, as far as they are told apart."""
        return len(self._habits)

    @property
    def signing(self) -> int:
        """How many of them sign nearly all of their mail."""
        return sum(habit.signs for habit in self._habits.values())

    def counts(self) -> Counts:
        """Return how many messages there are of each cause and combination of effects."""
        found = Counter(self._settled)
        for habit in self._habits.values():
            for (cause, effects), number in habit.unsigned.items():
                found[Cause.FORGERY_LIKE if habit.signs else cause, effects] += number
        return found
