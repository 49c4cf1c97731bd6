"""What became of report mails, in the tables beside the events.

Aggregate reports and failure reports have a ledger and a leader each; an address that refuses
is suspended for both.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

from avowal.report.event_store import EventStore
from avowal.report.report_ledger import LEASE_SECONDS, MailEntry, MailName, MailState
from avowal.stores.event_tables import Cursor

ReportKind: TypeAlias = Literal["aggregate", "failure"]
_MAILS: dict[ReportKind, str] = {"aggregate": "report_mail", "failure": "failure_mail"}


class LedgerTables(Protocol):
    """Where the tables are: a connection, and how it has its statements."""

    def transaction(self, *, writes: bool = True) -> AbstractContextManager[Cursor]: ...
    def statement(self, text: str, /) -> str: ...


class ReportStore(EventStore, LedgerTables, Protocol):
    """Events that reports are made of, and beside them what became of the reports."""


def lost_events(tables: LedgerTables) -> Sequence[tuple[int, str, int]]:
    """Return how many messages of each day and host have no event.  Raises StoreError."""
    with tables.transaction(writes=False) as cursor:
        cursor.execute("SELECT day, host, messages FROM event_lost ORDER BY day, host")
        found: list[tuple[int, str, int]] = cursor.fetchall()
        return found


class ReportTables:
    """A ledger over the connection of a store of events, which nobody else may use."""

    def __init__(self, tables: LedgerTables, kind: ReportKind = "aggregate") -> None:
        self._tables = tables
        self._lease = kind
        self._mails = _MAILS[kind]
        self._lock = threading.Lock()

    def lead(self, holder: str, now: int) -> bool:
        """Take the lease, or renew it."""
        with self._lock, self._tables.transaction() as cursor:
            self._run(cursor, _FIRST_LEASE, self._lease, "", 0)
            self._run(cursor, "SELECT holder FROM report_lease WHERE name = ?", self._lease)
            before: tuple[str] = cursor.fetchone()
            until = now + LEASE_SECONDS
            if not self._run(cursor, _TAKE, holder, until, self._lease, holder, now):
                return False
            if before[0] != holder:
                self._run(cursor, _RECOVER, MailState.UNCERTAIN.value, now, MailState.SENDING.value)
            return True

    def resign(self, holder: str) -> None:
        """Let another lead at once."""
        with self._lock, self._tables.transaction() as cursor:
            self._run(cursor, "UPDATE report_lease SET until = 0 WHERE holder = ?", holder)

    def entries(self, day: int, domain: str) -> Sequence[MailEntry]:
        """Return the mails about a domain and day."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, _ENTRIES, day, domain)
            found: list[tuple[str, str, str, int, int, str]] = cursor.fetchall()
            return [
                MailEntry(MailName(day, domain, report, to), MailState(state), tries, at, why)
                for report, to, state, tries, at, why in found
            ]

    def enter(self, names: Sequence[MailName], now: int) -> None:
        """Note that mails are to be sent; known ones stay."""
        rows = [(*_words(name), MailState.WAITING.value, now) for name in sorted(names)]
        with self._lock, self._tables.transaction() as cursor:
            cursor.executemany(self._statement(_ENTER), rows)

    def begin(self, name: MailName, holder: str, now: int) -> bool:
        """Mark a mail as on its way, once, and only by the leader."""
        with self._lock, self._tables.transaction() as cursor:
            return bool(
                self._run(
                    cursor, _BEGIN, MailState.SENDING.value, now, *_words(name),
                    MailState.WAITING.value, now, self._lease, holder, now,
                )
            )  # fmt: skip

    def settle(
        self, name: MailName, state: MailState, now: int, *, why: str = "", next_at: int = 0
    ) -> None:
        """Note what became of a mail."""
        with self._lock, self._tables.transaction() as cursor:
            self._run(cursor, _SETTLE, state.value, why, next_at, now, *_words(name))

    def sent(self, day: int) -> Iterator[MailName]:
        """Yield the mails about a day that were sent, or may have been."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, _SENT, day, MailState.SENT.value, MailState.UNCERTAIN.value)
            found: list[tuple[str, str, str]] = cursor.fetchall()
        for domain, report, to in found:
            yield MailName(day, domain, report, to)

    def suspended(self, recipient: str, now: int) -> str | None:
        """Return why nothing is sent to an address for now."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, f"{_SUSPENDED} AND recipient = ?", now, recipient.lower())
            found: tuple[str, int, str] | None = cursor.fetchone()
            return None if found is None else found[2]

    def suspend(self, recipient: str, until: int, why: str) -> None:
        """Send nothing to an address until a time."""
        with self._lock, self._tables.transaction() as cursor:
            self._run(cursor, _SUSPEND, recipient.lower(), until, why)

    def states(self) -> Sequence[tuple[int, MailState, int]]:
        """Return how many mails of each day are in each state."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, _STATES)
            found: list[tuple[int, str, int]] = cursor.fetchall()
            return [(day, MailState(state), number) for day, state, number in found]

    def suspensions(self, now: int) -> Sequence[tuple[str, int, str]]:
        """Return the addresses that are suspended, until when and why."""
        with self._lock, self._tables.transaction(writes=False) as cursor:
            self._run(cursor, f"{_SUSPENDED} ORDER BY recipient", now)
            found: list[tuple[str, int, str]] = cursor.fetchall()
            return found

    def _run(self, cursor: Cursor, text: str, *parameters: object) -> int:
        cursor.execute(self._statement(text), parameters)
        return cursor.rowcount

    def _statement(self, text: str) -> str:
        return self._tables.statement(text.replace("report_mail", self._mails))


def _words(name: MailName) -> tuple[int, str, str, str]:
    return name.day, name.domain, name.report_id, name.recipient


_FIRST_LEASE = (
    "INSERT INTO report_lease (name, holder, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
)
_TAKE = (
    "UPDATE report_lease SET holder = ?, until = ? WHERE name = ? AND (holder = ? OR until <= ?)"
)
_RECOVER = "UPDATE report_mail SET state = ?, changed = ? WHERE state = ?"
_ENTRIES = (
    "SELECT report_id, recipient, state, attempts, next_at, why FROM report_mail"
    " WHERE day = ? AND domain = ? ORDER BY report_id, recipient"
)
_SENT = "SELECT domain, report_id, recipient FROM report_mail WHERE day = ? AND state IN (?, ?)"
_ENTER = (
    "INSERT INTO report_mail (day, domain, report_id, recipient, state, attempts, next_at, why,"
    " changed) VALUES (?, ?, ?, ?, ?, 0, 0, '', ?) ON CONFLICT DO NOTHING"
)
_BEGIN = (
    "UPDATE report_mail SET state = ?, attempts = attempts + 1, changed = ?"
    " WHERE day = ? AND domain = ? AND report_id = ? AND recipient = ? AND state = ?"
    " AND next_at <= ? AND EXISTS"
    " (SELECT 1 FROM report_lease WHERE name = ? AND holder = ? AND until > ?)"
)
_SETTLE = (
    "UPDATE report_mail SET state = ?, why = ?, next_at = ?, changed = ?"
    " WHERE day = ? AND domain = ? AND report_id = ? AND recipient = ?"
)
_SUSPENDED = "SELECT recipient, until, why FROM report_suspension WHERE until > ?"
_SUSPEND = (
    "INSERT INTO report_suspension (recipient, until, why) VALUES (?, ?, ?)"
    " ON CONFLICT (recipient) DO UPDATE SET until = excluded.until, why = excluded.why"
)
_STATES = "SELECT day, state, count(*) FROM report_mail GROUP BY day, state ORDER BY day, state"
