"""A row per list: how many of its signatures pass, are explained, and why the others failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from avowal.diagnose.explanation import Explanation, KeyState, PartState
from avowal.diagnose.registry import REGISTRY
from avowal.message import Header
from avowal.text import printable

_NO_LIST = "no list"
_MOST_LISTS = 1000  # lists that have a row of their own
_OTHERS = "other lists"
_SHOWN_STEPS = 6


class Row(NamedTuple):
    """What is counted of a message: its list, outcomes of its signatures, steps of proofs."""

    mailing_list: str
    outcomes: tuple[str, ...]
    steps: tuple[str, ...]


def row_of(header: Header, explanations: Sequence[Explanation]) -> Row:
    """Return what is counted of one message."""
    return Row(
        _list_of(header),
        tuple([_outcome(one) for one in explanations]),
        tuple([step.name for one in explanations for step in one.steps]),
    )


@dataclass(slots=True)
class _Counts:
    messages: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)


class ListTable:
    """Counts explanations by List-Id."""

    def __init__(self) -> None:
        self._rows: dict[str, _Counts] = {}

    def add(self, row: Row) -> None:
        """Count one message."""
        name = row.mailing_list
        if name not in self._rows and len(self._rows) >= _MOST_LISTS:
            name = _OTHERS
        counted = self._rows.setdefault(name, _Counts())
        counted.messages += 1
        counted.counts.update(row.outcomes)
        counted.steps.update(row.steps)

    @property
    def messages(self) -> int:
        """How many messages were counted."""
        return sum(row.messages for row in self._rows.values())

    def lines(self) -> Iterator[str]:
        """Yield the table for a person, the list with most messages first."""
        for name, row in sorted(self._rows.items(), key=lambda pair: -pair[1].messages):
            total = sum(row.counts.values())
            yield f"{printable(name)}: {row.messages} messages, {total} signatures"
            for outcome, count in row.counts.most_common():
                yield f"  {count:>6}  {100 * count / total:5.1f} %  {outcome}"
            for step, count in row.steps.most_common(_SHOWN_STEPS):
                yield f"          {count} times {REGISTRY[step].sentence}"

    def objects(self) -> list[dict[str, object]]:
        """Return the table for programs."""
        return [
            {
                "list": name,
                "messages": row.messages,
                "outcomes": dict(row.counts),
                "steps": dict(row.steps),
            }
            for name, row in self._rows.items()
        ]


def _list_of(header: Header) -> str:
    for one in header.named(b"list-id")[:1]:
        text = one.value.decode("utf-8", "replace")
        return text.rpartition("<")[2].strip("<> \t\r\n").lower()[:200] or _NO_LIST
    return _NO_LIST


def _outcome(one: Explanation) -> str:
    if one.passed:
        return "pass"
    if one.explained:
        return "explained"
    if one.signed_nothing:
        return "an empty body was signed"
    if one.cc_order_lost:
        return "the order of Cc is lost"
    if one.key is not KeyState.PROVEN:
        return f"not explained: {one.key.sentence}"
    if one.body is PartState.CHANGED:
        return "not explained: the body"
    return "not explained: the header"
