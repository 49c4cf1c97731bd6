"""Between which values a share lies of which a part was counted: Wilson's interval.

It keeps within 0 and 1 and says something sensible of few cases, where a share alone does not.

>>> interval = wilson(98, 100)
>>> round(interval.low, 3), round(interval.high, 3)
(0.93, 0.994)
"""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

CONFIDENCE_95: Final = 1.959963984540054
"""Standard deviations of an interval that holds in 95 of 100 cases."""


class Interval(NamedTuple):
    """Between which values a share lies."""

    low: float
    high: float


def wilson(passed: int, total: int, sure: float = CONFIDENCE_95) -> Interval:
    """Return the score interval for `passed` of `total`; the whole range where nothing was counted.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927), p. 209.  `sure` is
    in standard deviations.
    """
    if total <= 0:
        return Interval(0.0, 1.0)
    share, square = passed / total, sure * sure
    middle = share + square / (2 * total)
    spread = sure * sqrt(share * (1 - share) / total + square / (4 * total * total))
    over = 1 + square / total
    low, high = (middle - spread) / over, (middle + spread) / over
    return Interval(max(0.0, min(low, share)), min(1.0, max(high, share)))
