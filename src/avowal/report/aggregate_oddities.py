"""What is odd about an aggregate report that can be read: told, and nothing is lost by it.

Receivers write reports by programs of their own, and some leave out or put in what changes what an
owner may conclude.  Each sentence says what is odd and what does not follow from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from avowal.dates import DAY
from avowal.report.aggregate import Record, ReportMetadata

NO_SELECTOR: Final = "a DKIM result names no selector: it tells of no key"
"""RFC 9990 §3.1.1.11: the selector is needed; in RFC 7489 it was optional."""
NO_OVERRIDE: Final = "a reason stands beside a message that passed: nothing was overridden"
"""RFC 9990 §3.1.1.9: reasons tell why a disposition is not what the policy asks for."""
LONG_PERIOD: Final = "the period has more than a day: which day a message was of is not known"
"""RFC 9990 §3.1.1.4: a report is of one day of UTC."""
NO_UTC_DAY: Final = "the period crosses midnight in UTC: its messages count as those of one day"
"""The same; rows are counted by the day in which the middle of the period lies."""


def of_period(metadata: ReportMetadata) -> tuple[str, ...]:
    """Return what is odd about the time of a report; one second more than a day is a habit."""
    if metadata.end - metadata.begin > DAY:
        return (LONG_PERIOD,)
    last = max(metadata.begin, metadata.end - 1)
    return (NO_UTC_DAY,) if metadata.begin // DAY != last // DAY else ()


def of_records(records: Iterable[Record]) -> Counter[str]:
    """Return what is odd about records, and in how many of them."""
    found: Counter[str] = Counter()
    for one in records:
        for result in one.dkim_results:  # no generator: this is asked of every record
            if result.selector is None:
                found[NO_SELECTOR] += 1
                break
        if one.reasons and one.passed:
            found[NO_OVERRIDE] += 1
    return found
