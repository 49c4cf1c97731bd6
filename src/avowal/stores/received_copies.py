"""Whether a report is there already: the same id, about the same time, with the same in it.

RFC 9990 wants ids that tell reports apart, and leaves it to their reader what to do with
duplicates; receivers give one id to reports of several days, or to two of one day that count
different messages (decision 0033).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from avowal.report.aggregate import ReportKey
from avowal.report.received import MOST_UNDER_ONE_ID, OverusedId

Number: TypeAlias = Callable[[str, tuple[object, ...]], int | None]
"""Asks a store for a number; None where there is no row."""


def under(key: ReportKey, place: int) -> ReportKey:
    """Return under what a report is kept whose key `place` others have: the first as it came.

    What stands before the number of a further one is in no text of XML.
    """
    return key._replace(report_id=f"{key.report_id}\x1f{place + 1}") if place else key


def same_id(number: Number, key: ReportKey) -> list[int]:
    """Return the numbers of the aggregate reports under one id.  Raises OverusedId."""
    found: list[int] = []
    for place in range(MOST_UNDER_ONE_ID):
        row = number(_UNDER, under(key, place))
        if row is None:
            return found
        found.append(row)
    raise OverusedId


def is_copy(number: Number, one: int, other: int) -> bool:
    """Whether two reports under one id say the same, or one of them is not whole."""
    if not number(_SAME_TIME, (one, other)):
        return False
    if number(_NOT_WHOLE, (one, other)):
        return True
    return not number(_ROWS_ALONE, (one, other)) and not number(_ROWS_ALONE, (other, one))


_UNDER: Final = (
    "SELECT id FROM report WHERE kind = 'aggregate' AND organization = ? AND report_id = ?"
    " AND domain = ?"
)
_SAME_TIME: Final = (
    "SELECT count(*) FROM report one, report other WHERE one.id = ? AND other.id = ?"
    " AND one.begins <= other.ends AND other.begins <= one.ends"
)
_NOT_WHOLE: Final = "SELECT count(*) FROM report WHERE id IN (?, ?) AND (damaged <> 0 OR lost <> 0)"
_ROWS: Final = (  # what an import keeps too
    "SELECT r.source, o.header_from, o.dkim, o.spf, sum(r.messages)"
    " FROM record r JOIN outcome o ON o.id = r.outcome WHERE r.report = ?"
    " GROUP BY r.source, o.header_from, o.dkim, o.spf"
)
_ROWS_ALONE: Final = f"SELECT count(*) FROM ({_ROWS} EXCEPT {_ROWS}) AS alone"  # noqa: S608
