"""The tables of a key store in any database: transactions, schema, rows, the number of changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from avowal.stores import key_rows as rows
from avowal.stores.key_rows import Row, inserting, parameters, selecting
from avowal.stores.key_schema import META, NEWEST, Dialect, steps

_META = "SELECT number FROM avowal_keys_meta WHERE name = :name"


class Session(Protocol):
    """A transaction."""

    def run(self, statement: str, given: Mapping[str, object] = ...) -> list[Row]:
        """Run a statement; return its rows, if it has any."""


class Database(Protocol):
    """A database that takes named parameters (``:name``).  Everything raises StoreError."""

    name: str
    dialect: Dialect

    def reading(self) -> AbstractContextManager[Session]:
        """A transaction that reads one state."""

    def writing(self) -> AbstractContextManager[Session]:
        """A transaction that no other writer runs beside: committed at the end, or nothing."""

    def has_tables(self) -> bool:
        """Whether this is a key store already."""

    def close(self) -> None:
        """Let go of it."""


def migrate(database: Database, to: int = NEWEST) -> int:
    """Bring a database to a schema, the newest by default; return which one it had, 0 for none.

    Raises StoreError; what is interrupted leaves it as it was.
    """
    begins = not database.has_tables()
    with database.writing() as session:
        if begins:
            session.run(database.dialect.spelled(META))
            for name in ("schema", "revision"):
                session.run(
                    "INSERT INTO avowal_keys_meta (name, number) VALUES (:name, 0)", {"name": name}
                )
        at = schema_in(session)
        for statement in steps(database.dialect, at, to):
            session.run(statement)
        session.run(
            "UPDATE avowal_keys_meta SET number = :number WHERE name = 'schema'", {"number": to}
        )
        return at


def schema_of(database: Database) -> int:
    """Return the version of a database's schema, 0 where there is none yet."""
    if not database.has_tables():
        return 0
    with database.reading() as session:
        return schema_in(session)


def dumped(session: Session) -> Iterator[tuple[str, Row]]:
    """Yield every row of every table, in an order that is always the same."""
    for table, columns in rows.COLUMNS.items():
        order = ", ".join(str(place + 1) for place in range(len(columns.split())))
        for row in session.run(selecting(table, "1 = 1", order), {}):
            yield table, row


def schema_in(session: Session) -> int:
    """Return the version of the schema in a transaction."""
    return number_of(session, "schema")


def put_rows(session: Session, found: Iterable[tuple[str, Row]]) -> None:
    """Put rows of any tables in."""
    for table, row in found:
        put(session, table, [row])


def revision_in(session: Session, number: int | None = None) -> int:
    """Return the number of changes, set to one that is given."""
    if number is not None:
        given = {"number": number}
        session.run("UPDATE avowal_keys_meta SET number = :number WHERE name = 'revision'", given)
    return number_of(session, "revision")


def number_of(session: Session, name: str) -> int:
    """Return a number of the table about the store itself: `schema` or `revision`."""
    found = session.run(_META, {"name": name})
    return int(found[0][0]) if found else 0


def count(session: Session) -> None:
    """Count a change."""
    session.run("UPDATE avowal_keys_meta SET number = number + 1 WHERE name = 'revision'")


def put(session: Session, table: str, found: Iterable[Row]) -> None:
    """Put rows of a table in, each in place of the one of its key."""
    statement = inserting(table)
    for row in found:
        session.run(statement, parameters(table, row))
