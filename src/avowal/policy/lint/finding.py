"""What a check has to say."""

from __future__ import annotations

from typing import NamedTuple

from avowal.enums import Word


class LintLevel(Word):
    """How much a finding matters."""

    ERROR = "error", "receivers cannot use what is published, or it does harm"
    WARNING = "warning", "it works, and probably not as meant"
    ADVICE = "advice", "it could be better"


class LintFinding(NamedTuple):
    """One thing found; `code` is stable, `hint` says what to do."""

    level: LintLevel
    code: str
    place: str
    what: str
    hint: str
