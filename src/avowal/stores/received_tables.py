"""Received reports in SQL tables: what SQLite and PostgreSQL do alike.

Writers take turns: a transaction that writes is the only one until it ends, so that what was
looked up in it stays so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.aggregate import Aligned, PolicyPublished, Record, Result, key_of
from avowal.report.failure import FailureReport
from avowal.report.received import Kind, KnownReport, Pruned, ReceivedHead
from avowal.report.tlsrpt import TlsReport
from avowal.stores.received_copies import is_copy, same_id, under
from avowal.stores.received_facts import (
    failure_facts,
    head_facts,
    outcome_facts,
    policy_of,
    tls_facts,
)
from avowal.stores.received_queries import ReceivedQueries
from avowal.stores.received_schema import VERSIONS

_KEPT = 20_000  # outcomes known by their number, about 10 MB
_REPORT = """
INSERT INTO report (kind, organization, report_id, domain, receiver, begins, ends, day, facts,
    origin, sender, received, lost, damaged) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)
"""
_OUTCOME = (
    "INSERT INTO outcome (facts, header_from, disposition, passed, dkim, spf)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_READ = (
    "INSERT INTO read_file VALUES (?, ?, ?)"
    " ON CONFLICT (path) DO UPDATE SET size = excluded.size, modified = excluded.modified"
)


class ReceivedTables(ReceivedQueries):
    """The statements over a connection that a subclass has opened.  Each raises StoreError."""

    name: str
    """Of the store, as people may see it."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    # -- what a subclass brings ------------------------------------------------------------

    def close(self) -> None:
        """Let go of the connection."""
        raise NotImplementedError

    @property
    def version(self) -> int:
        """The version of the tables."""
        raise NotImplementedError

    def _mark(self, version: int) -> None:
        raise NotImplementedError

    def _transaction(self) -> AbstractContextManager[None]:
        """Be the one who writes until the block ends; a fault undoes it."""
        raise NotImplementedError

    def _each(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        raise NotImplementedError

    def _inserted(self, statement: str, values: Sequence[object]) -> int | None:
        """Insert a row; return its number, None where an equal one is there."""
        raise NotImplementedError

    def _place(self, path: str) -> str:
        """Return how a path is known here: a store of several hosts has their names before it."""
        return path

    def _schema(self, statement: str) -> str:
        return statement

    def _shrink(self) -> None:
        """Leave no octets of what was removed in the files."""

    # -- the schema ------------------------------------------------------------------------

    def migrate(self, version: int = len(VERSIONS)) -> None:
        """Bring the tables to a version, up or down.  Raises StoreError."""
        with self._transaction():
            found = self.version
            if found > len(VERSIONS):
                raise StoreError(
                    f"{self.name}: the reports are of version {found}, and this program knows "
                    f"{len(VERSIONS)}: use the newer program"
                )
            steps = [text for step in VERSIONS[found:version] for text in step.up]
            steps += [text for step in reversed(VERSIONS[version:found]) for text in step.down]
            for text in steps:
                self._execute(self._schema(text))
            if steps:
                self._mark(version)

    # -- writing and removing --------------------------------------------------------------

    def known(self, kind: Kind, organization: str, report_id: str, domain: str) -> bool:
        """Whether a report is there; counts the copy."""
        found = self._execute(
            "UPDATE report SET copies = copies + 1 WHERE kind = ? AND organization = ?"
            " AND report_id = ? AND domain = ?",
            (kind, organization, report_id, domain),
        )
        return found.rowcount > 0

    @contextmanager
    def adding(self, head: ReceivedHead) -> Iterator[_Adding]:
        """Add an aggregate report: all of it when the block ends, nothing when it raises.

        Raises KnownReport at the end of the block, OverusedId and StoreError.
        """
        told, key = head.metadata, key_of(head.metadata, head.policy)
        with self._transaction():
            others = same_id(self._number, key)
            number = self._report(
                "aggregate", under(key, len(others)), told.org_name, told.begin, told.end,
                head_facts(told, head.policy), head.origin, head.sender, head.received,
            )  # fmt: skip
            yield _Adding(self, number, len(others))
            if any(is_copy(self._number, number, other) for other in others):
                raise KnownReport

    def add_tls(self, report: TlsReport, *, origin: str, received: int, sender: str | None) -> bool:
        """Add a report of SMTP TLS, once for each domain; False where it is known."""
        added = False
        for domain in dict.fromkeys(policy.domain for policy in report.policies):
            key = report.organization.lower(), report.report_id, domain
            with self._transaction():  # around the question too: others add to the same file
                if self.known("tls", *key):
                    continue
                added = True
                number = self._report(
                    "tls", key, report.organization, report.begin, report.end, "{}", origin,
                    sender, received,
                )  # fmt: skip
                self._each(
                    "INSERT INTO tls VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (number, p.type, p.domain, p.successful, p.failed, tls_facts(p))
                        for p in report.policies
                        if p.domain == domain
                    ],
                )
        return added

    def add_failure(
        self, report: FailureReport, *, origin: str, received: int, sender: str | None
    ) -> bool:
        """Add a failure report; False where it is known."""
        key = report.organization.lower(), report.report_id, report.domain
        at = received if report.arrival is None else report.arrival
        with self._transaction():
            if self.known("failure", *key):
                return False
            number = self._report(
                "failure", key, report.organization, at, at, "{}", origin, sender, received
            )
            self._execute(
                "INSERT INTO failure VALUES (?, ?, ?, ?, ?, ?)",
                (number, report.source_ip, report.failure, report.delivery, report.incidents,
                 failure_facts(report)),
            )  # fmt: skip
        return True

    def was_read(self, path: str, size: int, modified: int) -> bool:
        """Whether a file was read to its end as it is now."""
        found = self._number(
            "SELECT count(*) FROM read_file WHERE path = ? AND size = ? AND modified = ?",
            (self._place(path), size, modified),
        )
        return found == 1

    def last_read(self, place: str, validity: int) -> int:
        """The number of the last mail read of a mailbox on a server; 0 under a new numbering."""
        found = self._number(
            "SELECT size FROM read_file WHERE path = ? AND modified = ?",
            (self._place(place), validity),
        )
        return found or 0

    def mark_read(self, path: str, size: int, modified: int) -> None:
        """Note that a file was read."""
        self._execute(_READ, (self._place(path), size, modified))

    def policy(self, domain: str) -> PolicyPublished | None:
        """The policy that was found last."""
        found: tuple[str] | None = self._execute(
            "SELECT facts FROM report WHERE domain = ? AND kind = 'aggregate'"
            " ORDER BY ends DESC, id DESC LIMIT 1",
            (domain,),
        ).fetchone()
        return None if found is None else policy_of(found[0])

    def prune(self, before: int) -> Pruned:
        """Remove what is of days before `before`, and outcomes that no record has any more."""
        with self._transaction():
            rows = 0
            for table in ("record", "tls", "failure"):
                rows += self._execute(
                    f"DELETE FROM {table} WHERE report IN (SELECT id FROM report WHERE day < ?)",  # noqa: S608 - one of three
                    (before,),
                ).rowcount
            reports = self._execute("DELETE FROM report WHERE day < ?", (before,)).rowcount
            self._execute("DELETE FROM outcome WHERE id NOT IN (SELECT outcome FROM record)")
            self._execute("DELETE FROM signature WHERE outcome NOT IN (SELECT id FROM outcome)")
            self._execute(  # paths only: mailboxes on servers are numbers
                "DELETE FROM read_file WHERE modified < ? AND path LIKE '/%'", (before * DAY,)
            )
            self._numbers.clear()
        self._shrink()
        return Pruned(reports, rows)

    # -- parts -----------------------------------------------------------------------------

    def _report(self, kind: Kind, key: Sequence[str], receiver: str, begins: int, ends: int,
                *rest: object) -> int:  # fmt: skip
        day = (begins + ends) // 2 // DAY
        number = self._inserted(_REPORT, (kind, *key, receiver, begins, ends, day, *rest))
        if number is None:
            raise KnownReport
        return number

    def _outcome(self, record: Record) -> int:
        """The number of what a record has in common with others."""
        key = (
            record.header_from, record.envelope_from, record.envelope_to, record.disposition,
            record.dkim, record.spf, record.reasons, record.dkim_results, record.spf_results,
        )  # fmt: skip
        number = self._numbers.get(key)
        if number is not None:
            return number
        facts = outcome_facts(record)
        number = self._number("SELECT id FROM outcome WHERE facts = ?", (facts,))
        if number is None:
            number = self._new_outcome(record, facts)
        if len(self._numbers) >= _KEPT:
            self._numbers.clear()
        self._numbers[key] = number
        return number

    def _new_outcome(self, record: Record, facts: str) -> int:
        aligned = [int(one is Aligned.PASS) for one in (record.dkim, record.spf)]
        disposition = None if record.disposition is None else record.disposition.value
        values = (facts, record.header_from, disposition, int(record.passed), *aligned)
        number = self._inserted(_OUTCOME, values)
        if number is None:  # nobody else writes in the meantime
            raise StoreError("an outcome is there that was not found")
        self._each(
            "INSERT INTO signature VALUES (?, ?, ?, ?)",
            [
                (number, one.domain, one.selector or "", int(one.result is Result.PASS))
                for one in record.dkim_results
                if one.result not in (None, Result.NONE)
            ],
        )
        return number


class _Adding:
    """One report in its transaction; `others` have its id."""

    def __init__(self, store: ReceivedTables, number: int, others: int) -> None:
        self._store, self._number, self.others = store, number, others

    def rows(self, records: Iterable[Record]) -> None:
        """Add records."""
        store = self._store
        rows = [(self._number, one.source_ip, store._outcome(one), one.count) for one in records]
        store._each("INSERT INTO record VALUES (?, ?, ?, ?)", rows)

    def close(self, *, lost: int, damaged: bool) -> None:
        """Say how the reading went."""
        self._store._execute(
            "UPDATE report SET lost = ?, damaged = ? WHERE id = ?",
            (lost, int(damaged), self._number),
        )
