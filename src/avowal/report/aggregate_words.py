"""The closed lists of aggregate reports, and the words that receivers write instead.

A word in other letters, of an old draft or misspelt is read as what it means, and told to
whoever reads; a word that means nothing known is None.  Nothing is guessed from context.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from avowal.report.aggregate import (
    Aligned,
    DiscoveryMethod,
    Disposition,
    OverrideType,
    Policy,
    Result,
    SpfResultWord,
)

W = TypeVar("W", bound=StrEnum)
Note = Callable[[str], object]
"""What is told, in words for people: ``disposition "None" read as none``."""

_SHOWN = 40  # characters of a stranger's word


class Words(Generic[W]):
    """One closed list under the name of its element."""

    __slots__ = ("_exact", "_name", "_read_as")

    def __init__(self, name: str, words: type[W], read_as: Mapping[str, str]) -> None:
        self._name = name
        self._exact: dict[str, W] = {member.value: member for member in words}
        self._read_as = read_as

    def read(self, text: str | None, note: Note) -> W | None:
        """Return the member; None where there is no text, or none that means a member."""
        if text is None:
            return None
        found = self._exact.get(text)
        if found is None:
            plain = text.strip().lower().replace("-", "_").replace(" ", "_")
            found = self._exact.get(self._read_as.get(plain, plain))
            meaning = "nothing" if found is None else found.value
            note(f'{self._name} "{text[:_SHOWN]}" read as {meaning}')
        return found


_ERRORS = {
    "temp_error": "temperror",
    "tempfail": "temperror",
    "error": "temperror",  # drafts of SPF before RFC 4408
    "perm_error": "permerror",
    "permfail": "permerror",
    "unknown": "permerror",  # likewise
    "invalid": "permerror",
    "hardfail": "fail",
    "hard_fail": "fail",
    "soft_fail": "softfail",
    "failed": "fail",
    "passed": "pass",
}
_DONE = {
    "monitor": "none",
    "monitored": "none",
    "accept": "none",
    "accepted": "none",
    "deliver": "none",
    "quarantined": "quarantine",
    "rejected": "reject",
}

POLICIES = Words("policy", Policy, _DONE)
DISPOSITIONS = Words("disposition", Disposition, _DONE)
ALIGNED = Words("policy_evaluated", Aligned, {name: _ERRORS[name] for name in ("failed", "passed")})
DKIM_RESULTS = Words("dkim result", Result, _ERRORS | {"softfail": "fail", "nosig": "none"})
SPF_RESULTS = Words("spf result", SpfResultWord, _ERRORS)
METHODS = Words("discovery_method", DiscoveryMethod, {"tree_walk": "treewalk"})
OVERRIDES = Words(
    "reason",
    OverrideType,
    {
        "mailinglist": "mailing_list",
        "localpolicy": "local_policy",
        "trustedforwarder": "trusted_forwarder",
        "sampledout": "sampled_out",
        "forward": "forwarded",
    },
)
