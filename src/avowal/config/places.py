"""Where an option was set: file, line and column, for errors and for `avowal why`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The way to an option through tables and lists: ``("signing", "rules", 0, "from")``."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file the operator wrote; `line` and `column` count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file} line {self.line}"


@dataclass(frozen=True, slots=True)
class Places:
    """The places of all options that were set.

    An option that was not set has no place of its own: it is where its table is, or
    nowhere.  The reader of each file format fills `known`.
    """

    known: Mapping[Path, Place] = field(default_factory=dict)

    def of(self, path: Path) -> Place | None:
        """Return where exactly this option was set, or None."""
        return self.known.get(path)

    def near(self, path: Path) -> Place | None:
        """Return where this option or the closest table around it was written."""
        for length in range(len(path), -1, -1):
            place = self.known.get(path[:length])
            if place is not None:
                return place
        return None


NOWHERE = Places()


@lru_cache(maxsize=1024)
def dotted(path: Path) -> str:
    """Write a path as an operator would: ``signing.rules[1].from``, lists counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text
