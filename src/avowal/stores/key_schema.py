"""The tables of the key store, release by release, and the way up and down between them.

A step is never changed once it was released; what comes later is another step.  `{whole}`
stands for the database's type of whole numbers of 64 bits, `{strict}` for what makes SQLite
refuse values of another type; `{guard}` are the statements with which a database refuses to
change the audit log.
"""

from __future__ import annotations

from typing import Final

from avowal.errors import StoreError
from avowal.valueclass import value


@value
class Migration:
    """The statements that lead from one version of the schema to the next, and back."""

    up: tuple[str, ...]
    down: tuple[str, ...]


@value
class Dialect:
    """What differs between databases."""

    whole: str
    strict: str
    guard: tuple[str, ...] = ()

    def spelled(self, statement: str) -> str:
        """Return a statement as this database reads it."""
        return statement.replace("{whole}", self.whole).replace("{strict}", self.strict)


META: Final = """
CREATE TABLE avowal_keys_meta (name TEXT PRIMARY KEY, number {whole} NOT NULL){strict}"""
"""Made first, and dropped never: the version of the schema, and the number of changes."""

_FIRST: Final = (
    """CREATE TABLE managed_keys (
    domain TEXT NOT NULL, selector TEXT NOT NULL, algorithm TEXT NOT NULL, record TEXT NOT NULL,
    private TEXT NOT NULL, state TEXT NOT NULL, since {whole} NOT NULL, created {whole} NOT NULL,
    bits {whole}, PRIMARY KEY (domain, selector)){strict}""",
    """CREATE TABLE rotations (
    domain TEXT NOT NULL, algorithm TEXT NOT NULL, version {whole} NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (domain, algorithm)){strict}""",
    """CREATE TABLE sights (
    name TEXT NOT NULL, server TEXT NOT NULL, at {whole} NOT NULL, authoritative {whole} NOT NULL,
    record TEXT, ttl {whole} NOT NULL, problem TEXT, PRIMARY KEY (name, server, at)){strict}""",
    """CREATE TABLE pass_shares (
    domain TEXT NOT NULL, selector TEXT NOT NULL, receiver TEXT NOT NULL, day {whole} NOT NULL,
    passed {whole} NOT NULL, failed {whole} NOT NULL,
    PRIMARY KEY (domain, selector, receiver, day)){strict}""",
    """CREATE TABLE key_archive (
    domain TEXT NOT NULL, selector TEXT NOT NULL, record TEXT NOT NULL, source TEXT NOT NULL,
    first {whole}, last {whole}, messages {whole} NOT NULL, secure {whole}, other TEXT NOT NULL,
    PRIMARY KEY (domain, selector, record, source)){strict}""",
    """CREATE TABLE audit_log (
    number {whole} PRIMARY KEY, at {whole} NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT NOT NULL,
    hash TEXT NOT NULL){strict}""",
    """CREATE TABLE leases (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, until {whole} NOT NULL,
    fence {whole} NOT NULL){strict}""",
)
_USES: Final = """CREATE TABLE key_uses (
    signer TEXT NOT NULL, domain TEXT NOT NULL, selector TEXT NOT NULL, at {whole} NOT NULL,
    PRIMARY KEY (signer, domain, selector)){strict}"""

MIGRATIONS: Final = (
    Migration(up=_FIRST, down=()),
    Migration(up=(_USES,), down=("DROP TABLE key_uses",)),
)
NEWEST: Final = len(MIGRATIONS)
"""The version of the schema that this release reads and writes."""


def steps(dialect: Dialect, at: int, to: int) -> tuple[str, ...]:
    """Return the statements that lead from one version to another.  Raises StoreError."""
    if not 1 <= to <= NEWEST:
        raise StoreError(f"there is no schema {to}: this release knows 1 to {NEWEST}")
    if at > NEWEST:
        raise StoreError(newer(at))
    found: list[str] = []
    for number in range(at, to):
        found += MIGRATIONS[number].up
        if number == 0:
            found += dialect.guard
    for number in range(at - 1, to - 1, -1):
        found += MIGRATIONS[number].down
    return tuple(dialect.spelled(one) for one in found)


def newer(at: int) -> str:
    """Say that a store was made, or migrated, by a later release."""
    return (
        f"its schema is {at}, this release knows {NEWEST}: use the release that wrote it, or let"
        f" that one take it back (avowal keys store migrate --to {NEWEST})"
    )


def older(at: int) -> str:
    """Say that a store has to be migrated first."""
    return (
        f"its schema is {at}, this release works with {NEWEST}: bring every host to this release,"
        " then run avowal keys store migrate"
    )
