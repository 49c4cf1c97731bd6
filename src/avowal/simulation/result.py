"""What a simulation found: a table per candidate, a row per cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from avowal.simulation.causes import Cause
from avowal.simulation.evidence import Fate
from avowal.simulation.tally import Tally

EFFECTS: Final = ("accept", "open", "tempfail", "quarantine", "reject", "discard")
"""What may become of a message, from the mildest; open hangs on keys that are gone."""


@dataclass(frozen=True, slots=True)
class EffectRow:
    """The messages of one cause: how many, and of each effect how many."""

    cause: Cause
    messages: int
    effects: Mapping[str, int]

    def count(self, effect: str) -> int:
        """How many messages have an effect."""
        return self.effects.get(effect, 0)

    @property
    def acted_on(self) -> int:
        """How many do not simply pass, for certain."""
        return self.messages - self.count("accept") - self.count("open")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one candidate would have done."""

    name: str
    record: str | None
    rows: tuple[EffectRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """The counts of a simulation.

    `unreadable` counts sources and messages that were none; `interrupted` says that the rest
    was not looked at.  `beyond` is as of `Tally`.
    """

    messages: int
    unreadable: int
    interrupted: bool
    organizations: int
    signing: int
    beyond: int
    signatures: Mapping[Fate, int]
    outcomes: tuple[Outcome, ...] = field(default=())

    @property
    def causes(self) -> Mapping[Cause, int]:
        """How many messages there are of each cause, without those of none."""
        rows = self.outcomes[0].rows if self.outcomes else ()
        return {row.cause: row.messages for row in rows}


def simulation(
    tally: Tally,
    candidates: Sequence[tuple[str, str | None]],
    *,
    unreadable: int = 0,
    interrupted: bool = False,
) -> Simulation:
    """Return what was counted; `candidates` are names and records, as their effects stand."""
    counts = tally.counts()
    return Simulation(
        messages=tally.messages,
        unreadable=unreadable,
        interrupted=interrupted,
        organizations=tally.organizations,
        signing=tally.signing,
        beyond=tally.beyond,
        signatures={fate: tally.signatures[fate] for fate in Fate},
        outcomes=tuple(
            Outcome(name, record, tuple(_rows(counts, place)))
            for place, (name, record) in enumerate(candidates)
        ),
    )


def _rows(counts: Mapping[tuple[Cause, tuple[str, ...]], int], place: int) -> Iterator[EffectRow]:
    for cause in Cause:
        effects: dict[str, int] = {}
        for (of, all_effects), number in counts.items():
            if of is cause:
                effect = all_effects[place]
                effects[effect] = effects.get(effect, 0) + number
        if effects:
            in_order: dict[str, int] = {}
            for effect in EFFECTS:
                if effect in effects:
                    in_order[effect] = effects[effect]
            yield EffectRow(cause, sum(effects.values()), in_order)
