"""Whether receivers pass what a new key signs as they passed what the old one did.

Own verifications and aggregate reports give rows of `PassShare`.  Shares of few messages say
little, so each is taken with its interval (`avowal.intervals`).  A receiver's share fell when
the interval of the new key is wholly below that of the old one: then no chance explains it, and
the rotation goes back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from avowal.dates import DAY, date_of
from avowal.intervals import Interval, wilson
from avowal.keys.lifecycle import PassShare
from avowal.keys.rotation_events import ShareFell
from avowal.keys.rotation_state import RotatedKey, Rotation
from avowal.valueclass import value

SURE: Final = 3.29  # standard deviations: wrong once in a thousand times, as many are compared


@value
class Share:
    """How many signatures passed, of how many that were judged."""

    passed: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All that were judged."""
        return self.passed + self.failed

    @property
    def interval(self) -> Interval:
        """Where the share of all such messages lies."""
        return wilson(self.passed, self.total, SURE)

    def __str__(self) -> str:
        low, high = self.interval
        part = f"{self.passed / self.total:.1%}" if self.total else "nothing"
        return f"{self.passed:,} of {self.total:,} ({part}; {low:.1%} to {high:.1%})"


@value
class Comparison:
    """What counts as a fall: not less mail than `least`, nor less of a difference than `drop`.

    A receiver is large with `part` of the domain's mail, or more.
    """

    least: int = 100
    part: float = 0.01
    drop: float = 0.02


def shares_of(rows: Iterable[PassShare], selector: str, since_day: int = 0) -> dict[str, Share]:
    """Sum up the rows of a selector by receiver, from a day on."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row.selector.lower() == selector and row.day >= since_day:
            counts[row.receiver][0] += row.passed
            counts[row.receiver][1] += row.failed
    return {name: Share(passed=passed, failed=failed) for name, (passed, failed) in counts.items()}


def total(shares: Iterable[Share]) -> Share:
    """Return several shares as one."""
    parts = tuple(shares)
    return Share(passed=sum(one.passed for one in parts), failed=sum(one.failed for one in parts))


def falls(
    rotation: Rotation, rows: Iterable[PassShare], comparison: Comparison | None = None
) -> tuple[ShareFell, ...]:
    """Say which large receivers pass less of the signing key than of the one before it.

    The one that tells most is first.  Nothing is said of a key that has none before it.
    """
    comparison, kept = comparison or Comparison(), tuple(rows)
    new, old = rotation.signing, _before(rotation)
    if new is None or old is None:
        return ()
    since = _began(new)
    after = shares_of(kept, new.selector.ascii, since)
    before = shares_of(kept, old.selector.ascii)
    everything = total(after.values()).total
    found = [
        (share.interval.high - before[receiver].interval.low, receiver)
        for receiver, share in after.items()
        if receiver in before
        and share.total >= max(comparison.least, comparison.part * everything)
        and fell(before[receiver], share, comparison)
    ]
    return tuple(
        ShareFell(
            selector=new.selector,
            receiver=receiver,
            evidence=evidence(new, old, after[receiver], before[receiver]),
        )
        for _, receiver in sorted(found)
    )


def fell(before: Share, after: Share, comparison: Comparison) -> bool:
    """Whether a share fell, by more than chance and by enough to matter."""
    if before.total < comparison.least or after.total < comparison.least:
        return False
    apart = before.passed / before.total - after.passed / after.total
    return apart >= comparison.drop and after.interval.high < before.interval.low


def evidence(new: RotatedKey, old: RotatedKey, after: Share, before: Share) -> str:
    """Say what was counted."""
    day = date_of(_began(new))
    return (
        f"passed {after} of the messages that {new.selector.ascii} signed since {day}, and {before}"
        f" of those that {old.selector.ascii} signed"
    )


def _before(rotation: Rotation) -> RotatedKey | None:
    """Return the key that signed before: it drains still, or there is nothing to go back to."""
    signed = [
        key
        for key in rotation.keys
        if key.signed_since is not None and key.state.is_published and not key.stolen
    ]
    others = [key for key in signed if key != rotation.signing]
    return max(others, key=lambda key: key.entered, default=None)


def _began(key: RotatedKey) -> int:
    """Return the day on which a key began to sign: reports of earlier days are not about it."""
    at = next((at for state, at in reversed(key.times) if state == "signing"), key.key.since)
    return at // DAY
