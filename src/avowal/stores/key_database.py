"""The key store in a database: one body of statements for SQLite and PostgreSQL.

A `Database` opens transactions and says in a sentence what went wrong; the statements here
are those that both understand.  Every change is one transaction that holds the database's
write lock from its beginning, looks at the version of the schema, and counts the changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.keys.archive import ArchivedKey
from avowal.keys.audit import AuditEntry, Head, chained
from avowal.keys.lifecycle import ManagedKey, PassShare, Sight
from avowal.keys.store import Change, ConflictError, KeptRotation, Lease, Use, seen_in
from avowal.names import DomainName
from avowal.stores import key_rows as rows
from avowal.stores.key_rows import Row, parameters, selecting
from avowal.stores.key_schema import NEWEST, newer, older
from avowal.stores.key_tables import (
    Database,
    Session,
    count,
    dumped,
    put,
    put_rows,
    revision_in,
    schema_in,
)

_HEAD = "SELECT number, hash FROM audit_log ORDER BY number DESC LIMIT 1"
_NEXT = """UPDATE rotations SET version = version + 1, state = :state
WHERE domain = :domain AND algorithm = :algorithm AND version = :version RETURNING version"""
_NEW = """INSERT INTO rotations (domain, algorithm, version, state)
VALUES (:domain, :algorithm, 1, :state) ON CONFLICT DO NOTHING RETURNING version"""
_END = """DELETE FROM rotations
WHERE domain = :domain AND algorithm = :algorithm AND version = :version RETURNING version"""
_OLD = (
    ("sights", "DELETE FROM sights WHERE at < :before RETURNING 1"),
    ("shares", "DELETE FROM pass_shares WHERE day < :day RETURNING 1"),
    ("uses", "DELETE FROM key_uses WHERE at < :before RETURNING 1"),
)


class DatabaseKeyStore:
    """A key store over a database whose schema is this release's.

    Raises StoreError for one that is not: two releases work on one store only while they
    agree about its schema, which every transaction looks at.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.name = database.name
        with database.reading() as session:
            self._refuse_other_schema(session)

    def _refuse_other_schema(self, session: Session) -> None:
        at = schema_in(session)
        if at != NEWEST:
            raise StoreError(f"{self.name}: {newer(at) if at > NEWEST else older(at)}")

    # -- reading -----------------------------------------------------------------------------

    def _read(self, table: str, condition: str, order: str, **given: object) -> list[Row]:
        with self._database.reading() as session:
            self._refuse_other_schema(session)
            return session.run(selecting(table, condition, order), given)

    def _of(self, table: str, domain: DomainName | str | None, order: str) -> list[Row]:
        if domain is None:
            return self._read(table, "1 = 1", order)
        name = domain if isinstance(domain, str) else domain.ascii
        return self._read(table, "domain = :domain", order, domain=name)

    def keys(self, domain: DomainName | None = None) -> tuple[ManagedKey, ...]:
        """Return the keys of a domain, or all."""
        found = self._of("managed_keys", domain, "domain, selector")
        return tuple(map(rows.key_of, found))

    def rotations(self, domain: DomainName | None = None) -> tuple[KeptRotation, ...]:
        """Return the rotations of a domain, or all."""
        found = self._of("rotations", domain, "domain, algorithm")
        return tuple(map(rows.rotation_of, found))

    def sights(self, name: str, since: int = 0) -> tuple[Sight, ...]:
        """Return what was seen under a name."""
        condition = "name = :name AND at >= :since"
        found = self._read("sights", condition, "at, server", name=name, since=since)
        return tuple(map(rows.sight_of, found))

    def shares(self, domain: str, since_day: int = 0) -> tuple[PassShare, ...]:
        """Return how receivers judged the signatures of a domain."""
        condition = "domain = :domain AND day >= :day"
        order = "day, selector, receiver"
        found = self._read("pass_shares", condition, order, domain=domain, day=since_day)
        return tuple(map(rows.share_of, found))

    def archived(self, domain: str | None = None) -> tuple[ArchivedKey, ...]:
        """Return every key that was ever seen."""
        found = self._of("key_archive", domain, "domain, selector, source, record")
        return tuple(map(rows.archived_of, found))

    def uses(self, domain: DomainName | None = None) -> tuple[Use, ...]:
        """Return who took which key."""
        found = self._of("key_uses", domain, "domain, selector, signer")
        return tuple(map(rows.use_of, found))

    def audit(self, after: int = 0) -> Iterator[AuditEntry]:
        """Return the audit log."""
        found = self._read("audit_log", "number > :after", "number", after=after)
        return map(rows.entry_of_row, found)

    def leader(self, name: str) -> Lease | None:
        """Return who had a lease last."""
        found = self._read("leases", "name = :name", "name", name=name)
        return rows.lease_of(found[0]) if found else None

    def revision(self) -> int:
        """Return the number of changes so far."""
        with self._database.reading() as session:
            return revision_in(session)

    # -- writing -----------------------------------------------------------------------------

    def commit(self, change: Change) -> None:
        """Write a change: all of it or nothing."""
        with self._database.writing() as session:
            self._refuse_other_schema(session)
            self._refuse_former(session, change.lease)
            for rotation in change.rotations:
                self._write_rotation(session, rotation)
            for rotation in change.ended:
                self._changed(session, _END, rotation)
            put(session, "managed_keys", map(rows.key_row, change.keys))
            put(session, "sights", (rows.sight_row(*one) for one in change.sights))
            put(session, "pass_shares", map(rows.share_row, change.shares))
            put(session, "key_uses", map(rows.use_row, change.uses))
            for key in (*change.archived, *seen_in(change.sights)):
                _widen(session, key)
            head = _head_of(session)
            entries = chained(head, change.who, change.at, change.deeds)
            put(session, "audit_log", map(rows.entry_row, entries))
            count(session)

    def _refuse_former(self, session: Session, lease: Lease | None) -> None:
        if lease is None:
            return
        found = session.run(selecting("leases", "name = :name", "name"), {"name": lease.name})
        if not found or rows.lease_of(found[0]).fence != lease.fence:
            holder = rows.lease_of(found[0]).holder if found else "nobody"
            raise ConflictError(f"{self.name}: the lease {lease.name} is held by {holder} now")

    def _write_rotation(self, session: Session, rotation: KeptRotation) -> None:
        statement = _NEXT if rotation.version else _NEW
        self._changed(session, statement, rotation, state=rotation.state)

    def _changed(
        self, session: Session, statement: str, rotation: KeptRotation, **more: object
    ) -> None:
        """Run a statement that changes one rotation, of the version that was read."""
        given = {"domain": rotation.domain.ascii, "algorithm": rotation.algorithm, **more}
        if statement != _NEW:
            given["version"] = rotation.version
        if not session.run(statement, given):
            what = f"the rotation of {rotation.domain.ascii} ({rotation.algorithm})"
            raise ConflictError(f"{self.name}: {what} was written by somebody else meanwhile")

    def take_lease(self, name: str, holder: str, *, now: int, seconds: int) -> Lease | None:
        """Take a lease, or renew one's own; None while it is another's."""
        with self._database.writing() as session:
            self._refuse_other_schema(session)
            found = session.run(selecting("leases", "name = :name", "name"), {"name": name})
            there = rows.lease_of(found[0]) if found else None
            taken = taken_lease(there, name, holder, now=now, seconds=seconds)
            if taken is not None:
                row = (taken.name, taken.holder, taken.until, taken.fence)
                put(session, "leases", [row])
            return taken

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        with self._database.writing() as session:
            session.run(
                "UPDATE leases SET until = 0 WHERE name = :name AND fence = :fence",
                {"name": lease.name, "fence": lease.fence},
            )

    def prune(self, before: int) -> Mapping[str, int]:
        """Forget what is older than a time."""
        with self._database.writing() as session:
            self._refuse_other_schema(session)
            given = {"before": before, "day": before // DAY}
            gone = {
                what: len(
                    session.run(one, {name: given[name] for name in given if f":{name}" in one})
                )
                for what, one in _OLD
            }
            count(session)
            return gone

    # -- whole -------------------------------------------------------------------------------

    def dump(self) -> Iterator[tuple[str, Row]]:
        """Yield every row of every table, of one state."""
        with self._database.reading() as session:
            self._refuse_other_schema(session)
            yield from dumped(session)

    def fill(self, found: Iterable[tuple[str, Row]]) -> None:
        """Put the rows of a dump into a store that has none yet, all or nothing."""
        with self._database.writing() as session:
            self._refuse_other_schema(session)
            if next(dumped(session), None) is not None:
                raise StoreError(f"{self.name}: has content: a backup is restored to an empty one")
            put_rows(session, found)
            count(session)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def taken_lease(
    there: Lease | None, name: str, holder: str, *, now: int, seconds: int
) -> Lease | None:
    """Return the lease that a holder gets where `there` is kept; None while it is another's."""
    if there is None:
        return Lease(name=name, holder=holder, until=now + seconds, fence=1)
    if there.holder == holder and there.until > now:
        return replace(there, until=now + seconds)
    if there.until > now:
        return None
    return Lease(name=name, holder=holder, until=now + seconds, fence=there.fence + 1)


def _head_of(session: Session) -> Head:
    found = session.run(_HEAD)
    return Head(number=found[0][0], hash=found[0][1]) if found else Head()


def _widen(session: Session, key: ArchivedKey) -> None:
    """Add a key to the archive, or widen what is known of it."""
    row = rows.archived_row(key)
    condition = (
        "domain = :domain AND selector = :selector AND record = :record AND source = :source"
    )
    given = dict(list(parameters("key_archive", row).items())[:4])
    there = session.run(selecting("key_archive", condition, "source"), given)
    if there:
        row = rows.archived_row(rows.archived_of(there[0]).with_(key))
    put(session, "key_archive", [row])
