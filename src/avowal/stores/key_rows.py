"""The rows of the key store's tables, and the values of `avowal.keys` that they are."""

from __future__ import annotations

import json
from typing import Any, Final, TypeAlias

from avowal.keys.archive import ArchivedKey, KeySource
from avowal.keys.audit import AuditEntry
from avowal.keys.lifecycle import KeyState, ManagedKey, PassShare, Sight
from avowal.keys.store import KeptRotation, Lease, Use
from avowal.names import DomainName

Row: TypeAlias = tuple[Any, ...]
"""A row as a driver gives it."""

COLUMNS: Final = {
    "managed_keys": "domain selector algorithm record private state since created bits",
    "rotations": "domain algorithm version state",
    "sights": "name server at authoritative record ttl problem",
    "pass_shares": "domain selector receiver day passed failed",
    "key_archive": "domain selector record source first last messages secure other",
    "audit_log": "number at who what subject detail previous hash",
    "leases": "name holder until fence",
    "key_uses": "signer domain selector at",
}
"""The columns of each table, in the order of their rows."""
_KEYED: Final = {
    "managed_keys": 2, "sights": 3, "pass_shares": 4, "key_archive": 4, "leases": 1, "key_uses": 3,
}  # fmt: skip


def selecting(table: str, condition: str, order: str) -> str:
    """Return the statement that reads rows; the parts are constants of this package."""
    columns = ", ".join(COLUMNS[table].split())
    return f"SELECT {columns} FROM {table} WHERE {condition} ORDER BY {order}"  # noqa: S608


def inserting(table: str) -> str:
    """Return the statement that puts a row in, in place of the one of its key."""
    names = COLUMNS[table].split()
    values = ", ".join(f":{name}" for name in names)
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})"  # noqa: S608
    keyed = _KEYED.get(table)
    if keyed is None:
        return statement
    rest = ", ".join(f"{name} = excluded.{name}" for name in names[keyed:])
    return f"{statement} ON CONFLICT ({', '.join(names[:keyed])}) DO UPDATE SET {rest}"


def parameters(table: str, row: Row) -> dict[str, object]:
    """Return a row by the names of its columns."""
    return dict(zip(COLUMNS[table].split(), row, strict=True))


def _name(text: str) -> DomainName:
    return DomainName.parse(text.encode())


def key_row(key: ManagedKey) -> Row:
    """Return the row of a key."""
    return (
        key.domain.ascii, key.selector.ascii, key.algorithm, key.record, key.private,
        str(key.state), key.since, key.created, key.bits,
    )  # fmt: skip


def key_of(row: Row) -> ManagedKey:
    """Read the row of a key.  Raises ValueError for what was never written."""
    domain, selector, algorithm, record, private, state, since, created, bits = row
    return ManagedKey(
        domain=_name(domain),
        selector=_name(selector),
        algorithm=algorithm,
        record=record,
        private=private,
        state=KeyState(state),
        since=since,
        created=created,
        bits=bits,
    )


def rotation_of(row: Row) -> KeptRotation:
    """Read the row of a rotation."""
    domain, algorithm, version, state = row
    return KeptRotation(domain=_name(domain), algorithm=algorithm, version=version, state=state)


def sight_row(name: str, sight: Sight) -> Row:
    """Return the row of what was seen under a name."""
    shown = int(sight.authoritative)
    return (name, sight.server, sight.at, shown, sight.record, sight.ttl, sight.problem)


def sight_of(row: Row) -> Sight:
    """Read the row of what was seen."""
    _, server, at, authoritative, record, ttl, problem = row
    return Sight(
        server=server,
        at=at,
        authoritative=bool(authoritative),
        record=record,
        ttl=ttl,
        problem=problem,
    )


def share_row(share: PassShare) -> Row:
    """Return the row of a pass share."""
    return (
        share.domain, share.selector, share.receiver, share.day, share.passed, share.failed,
    )  # fmt: skip


def share_of(row: Row) -> PassShare:
    """Read the row of a pass share."""
    domain, selector, receiver, day, passed, failed = row
    return PassShare(
        domain=domain, selector=selector, receiver=receiver, day=day, passed=passed, failed=failed
    )


def archived_row(key: ArchivedKey) -> Row:
    """Return the row of a key of the archive."""
    secure = None if key.secure is None else int(key.secure)
    other = json.dumps(key.other, sort_keys=True)
    return (
        key.domain, key.selector, key.record, str(key.source), key.first, key.last,
        key.messages, secure, other,
    )  # fmt: skip


def archived_of(row: Row) -> ArchivedKey:
    """Read the row of a key of the archive."""
    domain, selector, record, source, first, last, messages, secure, other = row
    return ArchivedKey(
        domain=domain,
        selector=selector,
        record=record,
        source=KeySource(source),
        first=first,
        last=last,
        messages=messages,
        secure=None if secure is None else bool(secure),
        other=json.loads(other),
    )


def entry_row(entry: AuditEntry) -> Row:
    """Return the row of an entry of the audit log."""
    return (
        entry.number, entry.at, entry.who, entry.what, entry.subject, entry.detail,
        entry.previous, entry.hash,
    )  # fmt: skip


def entry_of_row(row: Row) -> AuditEntry:
    """Read the row of an entry, whatever somebody made of it."""
    number, at, who, what, subject, detail, previous, digest = row
    return AuditEntry(
        number=number,
        at=at,
        who=who,
        what=what,
        subject=subject,
        detail=detail,
        previous=previous,
        hash=digest,
    )


def lease_of(row: Row) -> Lease:
    """Read the row of a lease."""
    name, holder, until, fence = row
    return Lease(name=name, holder=holder, until=until, fence=fence)


def use_row(use: Use) -> Row:
    """Return the row of a use."""
    return (use.signer, use.domain.ascii, use.selector.ascii, use.at)


def use_of(row: Row) -> Use:
    """Read the row of a use."""
    signer, domain, selector, at = row
    return Use(signer=signer, domain=_name(domain), selector=_name(selector), at=at)
