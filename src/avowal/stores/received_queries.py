"""What is asked of received reports, in SQL: sums by day, address, key and receiver.

Every statement is over the reports of one policy domain in one period, given twice as
parameters; what reports say of subdomains without a record of their own is in those reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Protocol

from avowal.report.received import (
    DayRow,
    FailureRow,
    Period,
    ReporterRow,
    SourceRow,
    TlsRow,
)
from avowal.report.shares import ShareRow

_OF = "r.domain = ? AND r.kind = ? AND r.day BETWEEN ? AND ?"
_DAYS = f"""
SELECT r.day, sum(c.messages * o.passed), sum(c.messages * (1 - o.passed)),
    sum(CASE WHEN o.passed = 0 AND o.disposition = 'quarantine' THEN c.messages ELSE 0 END),
    sum(CASE WHEN o.passed = 0 AND o.disposition = 'reject' THEN c.messages ELSE 0 END)
FROM report r JOIN record c ON c.report = r.id JOIN outcome o ON o.id = c.outcome
WHERE {_OF} GROUP BY r.day ORDER BY r.day
"""  # noqa: S608 - constants
_SOURCES = f"""
SELECT c.source, r.day, o.header_from, sum(c.messages), o.passed, o.dkim, o.spf, o.disposition,
    (SELECT group_concat(domain, ' ') FROM (SELECT DISTINCT s.domain FROM signature s
        WHERE s.outcome = o.id AND s.passed = 1 ORDER BY s.domain) signers)
FROM report r JOIN record c ON c.report = r.id JOIN outcome o ON o.id = c.outcome
WHERE {_OF} GROUP BY c.source, r.day, o.id ORDER BY c.source, r.day
"""  # noqa: S608 - constants
_SHARES = f"""
SELECT s.domain, s.selector, r.receiver, r.day, sum(c.messages * s.passed),
    sum(c.messages * (1 - s.passed))
FROM report r JOIN record c ON c.report = r.id JOIN signature s ON s.outcome = c.outcome
WHERE {_OF} AND (s.domain = ? OR s.domain LIKE ? ESCAPE '!')
GROUP BY s.domain, s.selector, r.receiver, r.day ORDER BY s.domain, s.selector, r.receiver, r.day
"""  # noqa: S608 - constants
_REPORTERS = f"""
SELECT r.receiver, count(*), sum(coalesce(m.messages, 0)), max(r.day), sum(r.copies),
    sum(CASE WHEN r.sender = '' THEN 1 ELSE 0 END)
FROM report r LEFT JOIN (SELECT report, sum(messages) AS messages FROM record GROUP BY report) m
    ON m.report = r.id
WHERE {_OF} GROUP BY r.receiver ORDER BY 3 DESC, 1
"""  # noqa: S608 - constants
_TLS = f"""
SELECT r.day, r.receiver, t.policy, sum(t.successful), sum(t.failed)
FROM report r JOIN tls t ON t.report = r.id
WHERE {_OF} GROUP BY r.day, r.receiver, t.policy ORDER BY r.day, r.receiver, t.policy
"""  # noqa: S608 - constants
_FAILURES = f"""
SELECT r.day, f.source, f.failure, f.delivery, sum(f.incidents)
FROM report r JOIN failure f ON f.report = r.id
WHERE {_OF} GROUP BY r.day, f.source, f.failure, f.delivery ORDER BY r.day, 5 DESC
"""  # noqa: S608 - constants


_Source = tuple[str, int, str, int, int, int, int, str | None, str | None]  # a row of _SOURCES


class Rows(Protocol):
    """What is used of an answer: its rows, once, or how many rows were changed."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...


class ReceivedQueries:
    """The questions; a subclass brings the connection."""

    def _execute(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        raise NotImplementedError

    def _number(self, statement: str, parameters: Sequence[object] = ()) -> int | None:
        """Return the number that a statement asks for, None where there is no row."""
        found: tuple[int] | None = self._execute(statement, parameters).fetchone()
        return None if found is None else found[0]

    def domains(self) -> tuple[str, ...]:
        """The domains that reports are about."""
        found: Iterator[tuple[str]] = iter(
            self._execute("SELECT DISTINCT domain FROM report ORDER BY domain")
        )
        return tuple(domain for (domain,) in found)

    def period(self, domain: str) -> Period | None:
        """The first and the last day of a domain's aggregate reports."""
        found: tuple[int, int] | tuple[None, None] = self._execute(
            "SELECT min(day), max(day) FROM report WHERE domain = ? AND kind = 'aggregate'",
            (domain,),
        ).fetchone()
        return None if found[0] is None else Period(*found)

    def days(self, domain: str, period: Period) -> tuple[DayRow, ...]:
        """The messages by day."""
        return tuple(map(DayRow._make, self._sums(_DAYS, domain, "aggregate", period)))

    def sources(self, domain: str, period: Period) -> Iterator[SourceRow]:
        """The messages by address, day and outcome."""
        found: Iterator[_Source] = self._of(_SOURCES, domain, "aggregate", period)
        for source, day, author, messages, passed, dkim, spf, disposition, signers in found:
            yield SourceRow(
                source, day, author, int(messages), bool(passed), bool(dkim), bool(spf),
                disposition, tuple((signers or "").split()),
            )  # fmt: skip

    def shares(self, domain: str, period: Period) -> tuple[ShareRow, ...]:
        """The signatures of a domain and its subdomains by key, receiver and day."""
        below = "%." + domain.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        found = self._sums(_SHARES, domain, "aggregate", period, domain, below)
        return tuple(map(ShareRow._make, found))

    def reporters(self, domain: str, period: Period) -> tuple[ReporterRow, ...]:
        """Who reported, the largest first."""
        found = self._sums(_REPORTERS, domain, "aggregate", period)
        return tuple(map(ReporterRow._make, found))

    def tls(self, domain: str, period: Period) -> tuple[TlsRow, ...]:
        """The TLS sessions by day and sender."""
        return tuple(map(TlsRow._make, self._sums(_TLS, domain, "tls", period)))

    def failures(self, domain: str, period: Period) -> tuple[FailureRow, ...]:
        """The failure reports by day."""
        return tuple(map(FailureRow._make, self._sums(_FAILURES, domain, "failure", period)))

    def _sums(
        self, statement: str, domain: str, kind: str, period: Period, *more: object
    ) -> Iterator[list[Any]]:
        """Yield the rows of an answer; PostgreSQL sums whole numbers to Decimal."""
        for row in self._of(statement, domain, kind, period, *more):
            yield [int(one) if isinstance(one, Decimal) else one for one in row]

    def _of(
        self, statement: str, domain: str, kind: str, period: Period, *more: object
    ) -> Iterator[Any]:
        return iter(self._execute(statement, (domain, kind, *period, *more)))
