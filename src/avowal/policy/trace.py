"""Why a policy came out as it did: the steps of an evaluation, for people and for reports."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from avowal.text import printable

Action: TypeAlias = Literal[
    "author",  # who the message says wrote it
    "found",  # a usable record stands at a name
    "absent",  # nothing usable stands there
    "failed",  # DNS gave no answer
    "discarded",  # a record was there and does not count
    "chose",  # one of several candidates, or a tag, decides
    "aligned",
    "unaligned",
    "skipped",  # not asked, because it could not matter
    "override",
    "concluded",
    "would-change",  # what would have made another outcome
]


class TraceStep(NamedTuple):
    """One step: which mechanism did what, with which name, tag or identifier, and why."""

    mechanism: str
    action: Action
    subject: str
    detail: str = ""

    def __str__(self) -> str:
        text = f"{self.mechanism}: {self.action} {self.subject}"
        return f"{text}: {self.detail}" if self.detail else text


Trace: TypeAlias = tuple[TraceStep, ...]


class Notes:
    """The steps of one mechanism while it is at work, each once."""

    __slots__ = ("_mechanism", "_steps")

    def __init__(self, mechanism: str) -> None:
        self._mechanism = mechanism
        self._steps: dict[TraceStep, None] = {}

    def add(self, action: Action, subject: str, detail: str = "") -> None:
        """Add a step."""
        self._steps[TraceStep(self._mechanism, action, subject, detail)] = None

    def extend(self, steps: Iterable[TraceStep]) -> None:
        """Add steps that were made elsewhere."""
        self._steps.update((step, None) for step in steps)

    @property
    def steps(self) -> Trace:
        """What was noted, in order."""
        return tuple(self._steps)


excerpt = partial(printable, most=200)
"""A stranger's record as it stands in a trace."""
