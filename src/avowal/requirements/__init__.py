"""What large receivers ask of senders, by a dated file with sources: ``avowal check``.

`receivers.toml` says what is asked for, by whom, on which page and when it was read; `CHECKS`
looks.  `judge` holds what is known of a sender against the rules of the receivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from avowal.errors import UsageError
from avowal.requirements.checks import CHECKS, Checked
from avowal.requirements.model import (
    MailFacts,
    PassingSignature,
    ReceiverRules,
    Requirement,
    SenderFacts,
    rule_file,
)

__all__ = [
    "Answered",
    "Checked",
    "MailFacts",
    "PassingSignature",
    "SenderFacts",
    "chosen",
    "judge",
    "rule_file",
]


class Answered(NamedTuple):
    """One rule of a receiver, and what was seen."""

    receiver: str
    rules: ReceiverRules
    rule: Requirement
    found: Checked

    @property
    def source(self) -> str:
        """The page that asks for it."""
        return self.rule.source or self.rules.source

    @property
    def failed(self) -> bool:
        """Whether something is required and is not there."""
        return self.found.met is False and self.rule.level.value == "required"


def chosen(names: str | None) -> tuple[str, ...]:
    """Read ``gmail,yahoo``; None is all.  Raises UsageError."""
    known = rule_file().receivers
    wanted = tuple(known) if names is None else tuple(one.strip() for one in names.split(","))
    for name in wanted:
        if name not in known:
            raise UsageError(f"--for {name}: no receiver that is known: {', '.join(known)}")
    return wanted


def judge(facts: SenderFacts, receivers: Iterable[str]) -> Iterator[Answered]:
    """Yield each rule of the receivers with what was seen, in the order of the file."""
    for name in receivers:
        rules = rule_file().receivers[name]
        for rule in rules.rules:
            yield Answered(name, rules, rule, CHECKS[rule.check](facts, rule))
