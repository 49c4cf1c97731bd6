"""Failure reports that wait, in the tables beside the events (SQLite and PostgreSQL)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from avowal.config.model import Configuration
from avowal.dates import DAY
from avowal.report.failure_case import FailureCase
from avowal.report.failure_spool import FailureCaps, FailureSpool, Noted, WaitingCase
from avowal.stores.event_tables import Cursor
from avowal.stores.events import event_opener, open_event_store
from avowal.stores.report_tables import ReportStore

_SECRET_OCTETS = 32


def failure_spool(configuration: Configuration, tell: Callable[[str], None]) -> FailureSpool | None:
    """Return what keeps failure reports until they are sent, None where nobody may have any.

    The store is opened later, in a thread; what cannot be opened at all raises StoreError.
    """
    wanted, store = configuration.failure_reports, configuration.events.store
    if not wanted.domains or store is None:
        return None
    event_opener(store)  # imports the driver: workers may not see our files
    caps = FailureCaps(domain=wanted.most_per_domain, total=wanted.most_per_day)
    return FailureSpool(partial(_opened, store), caps, tell=tell)


def _opened(name: str) -> FailureTables:
    return FailureTables(open_event_store(name))


class FailureTables:
    """Cases over the connection of a store of events, which nobody else may use."""

    def __init__(self, tables: ReportStore) -> None:
        self._tables = tables
        self._lock = threading.Lock()

    def secret(self, name: str) -> bytes:
        """Return a secret, made when it is asked for first."""
        with self._lock, self._tables.transaction() as cursor:
            self._run(cursor, _ENTER_OCTETS, name, secrets.token_bytes(_SECRET_OCTETS))
            self._run(cursor, "SELECT octets FROM report_secret WHERE name = ?", name)
            found: tuple[bytes] = cursor.fetchone()
            return bytes(found[0])

    def note(self, case: FailureCase, caps: FailureCaps) -> Noted:
        """Put a case down, or count it."""
        day, condition = case.time // DAY, case.condition
        with self._lock, self._tables.transaction() as cursor:
            if self._run(cursor, _AGAIN, day, case.domain, condition):
                return "again"
            if not self._admitted(cursor, day, case.domain, caps):
                self._run(cursor, _BEYOND, day, case.domain)
                return "beyond"
            self._run(
                cursor, _CASE, day, case.domain, condition, case.octets(), case.client, case.time
            )  # fmt: skip
            return "new"

    def _admitted(self, cursor: Cursor, day: int, domain: str, caps: FailureCaps) -> bool:
        """Take a place of the domain and one of the day, both or none.

        A row that is counted up stays locked until the transaction ends: whatever the number of
        workers, none passes a bound.
        """
        for name in (domain, ""):
            self._run(cursor, _COUNTER, day, name)
        if not self._run(cursor, _TAKE, day, domain, caps.domain):
            return False
        if self._run(cursor, _TAKE, day, "", caps.total):
            return True
        self._run(cursor, _GIVE_BACK, day, domain)
        return False

    def waiting(self, day: int, noted_before: int) -> Iterator[WaitingCase]:
        """Yield the cases of a day that were first noted before a time."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, _WAITING, day, noted_before)
            found: list[tuple[bytes, int]] = cursor.fetchall()
        for facts, incidents in found:
            yield WaitingCase(case=FailureCase.read(bytes(facts)), incidents=incidents)

    def days(self) -> Sequence[int]:
        """Return the days that have cases."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, "SELECT DISTINCT day FROM failure_case ORDER BY day")
            found: list[tuple[int]] = cursor.fetchall()
            return [day for (day,) in found]

    def beyond(self) -> Sequence[tuple[int, str, int]]:
        """Return what was beyond the bounds."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, _ALL_BEYOND)
            found: list[tuple[int, str, int]] = cursor.fetchall()
            return found

    def forget(self, before: int) -> int:
        """Remove the cases of days before a day, sent or not; return how many."""
        with self._lock, self._tables.transaction() as cursor:
            return self._run(cursor, "DELETE FROM failure_case WHERE day < ?", before)

    def close(self) -> None:
        """Close the connection."""
        self._tables.close()

    def _run(self, cursor: Cursor, text: str, *parameters: object) -> int:
        cursor.execute(self._tables.statement(text), parameters)
        return cursor.rowcount


_ENTER_OCTETS = "INSERT INTO report_secret (name, octets) VALUES (?, ?) ON CONFLICT DO NOTHING"
_AGAIN = (
    "UPDATE failure_case SET incidents = incidents + 1"
    " WHERE day = ? AND domain = ? AND condition = ?"
)
_COUNTER = (
    "INSERT INTO failure_count (day, domain, taken, beyond) VALUES (?, ?, 0, 0)"
    " ON CONFLICT DO NOTHING"
)
_TAKE = "UPDATE failure_count SET taken = taken + 1 WHERE day = ? AND domain = ? AND taken < ?"
_GIVE_BACK = "UPDATE failure_count SET taken = taken - 1 WHERE day = ? AND domain = ?"
_BEYOND = "UPDATE failure_count SET beyond = beyond + 1 WHERE day = ? AND domain = ?"
_CASE = (
    "INSERT INTO failure_case (day, domain, condition, facts, source, noted_at, incidents)"
    " VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (day, domain, condition)"
    " DO UPDATE SET incidents = failure_case.incidents + 1"
)
_WAITING = (
    "SELECT facts, incidents FROM failure_case WHERE day = ? AND noted_at <= ?"
    " ORDER BY domain, condition"
)
_ALL_BEYOND = "SELECT day, domain, beyond FROM failure_count WHERE beyond > 0 ORDER BY day, domain"
