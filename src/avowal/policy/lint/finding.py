"""What a check has to say."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Level(str, Enum):
    """How much a finding matters."""

    ERROR = "error"  # receivers cannot use what is published, or it does harm
    WARNING = "warning"  # it works, and probably not as meant
    ADVICE = "advice"  # it could be better

    def __str__(self) -> str:
        return self.value


class Finding(NamedTuple):
    """One thing found; `code` is stable, `hint` says what to do."""

    level: Level
    code: str
    place: str
    what: str
    hint: str
