"""How large a share of signatures passes, by key, receiver and day: plain sums, no I/O.

Rows count one receiver's verdicts about one key on one day; `avowal.intervals` says how sure a
share is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from avowal.intervals import Interval, wilson


class ShareRow(NamedTuple):
    """Signatures of one key, at one receiver on one day (`day` counts from 1970-01-01)."""

    domain: str
    selector: str
    receiver: str
    day: int
    passed: int
    failed: int


class Share(NamedTuple):
    """How many of some signatures passed."""

    passed: int
    failed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.passed + self.failed

    @property
    def rate(self) -> float | None:
        """The share that passed; None of nothing."""
        return self.passed / self.total if self.total else None

    @property
    def interval(self) -> Interval:
        """Where the true share lies, with a confidence of 95 in 100."""
        return wilson(self.passed, self.total)

    def plus(self, passed: int, failed: int) -> Share:
        """Return this with further signatures."""
        return Share(self.passed + passed, self.failed + failed)


NOTHING = Share(0, 0)


def fell(before: Share, after: Share, *, by: float = 0.02, least: int = 20) -> bool:
    """Whether the share fell by more than chance explains, and by more than `by`.

    Two intervals that do not touch, neither of fewer than `least` messages: one forward that
    broke a signature is no change.
    """
    if before.total < least or after.total < least:
        return False
    return before.interval.low - after.interval.high > 0 and _drop(before, after) > by


def by_key(rows: Iterable[ShareRow]) -> dict[tuple[str, str], Share]:
    """Return the share of each (domain, selector) over all receivers and days."""
    found: dict[tuple[str, str], Share] = {}
    for row in rows:
        key = row.domain, row.selector
        found[key] = found.get(key, NOTHING).plus(row.passed, row.failed)
    return found


def by_receiver(rows: Iterable[ShareRow]) -> dict[tuple[str, str, str], Share]:
    """Return the share of each (domain, selector, receiver) over all days."""
    found: dict[tuple[str, str, str], Share] = {}
    for row in rows:
        key = row.domain, row.selector, row.receiver
        found[key] = found.get(key, NOTHING).plus(row.passed, row.failed)
    return found


class Fall(NamedTuple):
    """A key whose signatures pass less often at a receiver than before."""

    domain: str
    selector: str
    receiver: str
    first_day: int
    before: Share
    after: Share


def falls(rows: Iterable[ShareRow], *, since: int, by: float = 0.02) -> list[Fall]:
    """Compare the days from `since` on with those before, by key and receiver; worst first.

    `first_day` is the first of the later days that is worse than all before together.
    """
    early: dict[tuple[str, str, str], Share] = {}
    late: dict[tuple[str, str, str], dict[int, Share]] = {}
    for row in rows:
        key = row.domain, row.selector, row.receiver
        if row.day < since:
            early[key] = early.get(key, NOTHING).plus(row.passed, row.failed)
        else:
            days = late.setdefault(key, {})
            days[row.day] = days.get(row.day, NOTHING).plus(row.passed, row.failed)
    found = []
    for key, days in late.items():
        before = early.get(key, NOTHING)
        after = Share(sum(d.passed for d in days.values()), sum(d.failed for d in days.values()))
        if fell(before, after, by=by):
            worse = [day for day, share in sorted(days.items()) if _drop(before, share) > by]
            found.append(Fall(*key, first_day=min(worse), before=before, after=after))
    return sorted(found, key=lambda one: (-_drop(one.before, one.after), one[:3]))


def _drop(before: Share, after: Share) -> float:
    return (before.rate or 0.0) - (after.rate if after.rate is not None else 1.0)
