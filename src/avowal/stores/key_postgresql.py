"""The key store in PostgreSQL, for several hosts (extra ``sql``).

Writers take turns: each locks the table of the schema's version for its transaction, so that
a change is read, compared and written as if nobody else were there.  Readers wait for nobody.
The password belongs into ``~/.pgpass`` or the URL; errors do not show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from avowal.config.redaction import redacted
from avowal.errors import ConfigError, StoreAwayError, StoreError
from avowal.stores.key_rows import Row
from avowal.stores.key_schema import Dialect
from avowal.stores.key_tables import Session

if TYPE_CHECKING:
    from sqlalchemy import Connection, TextClause

_WAIT_MILLISECONDS = 5000  # for another writer
_CONNECT_TIMEOUT = 3  # seconds; whoever looks for changes waits for it

DIALECT: Final = Dialect(
    whole="BIGINT",
    strict="",
    guard=(
        """CREATE FUNCTION audit_log_is_added_to() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''the audit log is only added to''; END'""",
        """CREATE TRIGGER audit_log_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_added_to()""",
    ),
)


class PostgresqlDatabase:
    """A database of PostgreSQL, by its URL."""

    dialect = DIALECT

    def __init__(self, url: str) -> None:
        """Connect at the first use.  Raises ConfigError for a missing driver, StoreError."""
        try:
            import sqlalchemy  # noqa: PLC0415 - an extra: only those who use it need it
        except ImportError:
            hint = "pip install 'avowal[sql]'"
            raise ConfigError(
                "needs a library that is not installed", key="store", hint=hint
            ) from None
        self._text = sqlalchemy.text
        self._error: type[Exception] = sqlalchemy.exc.SQLAlchemyError
        self._refusal: type[Exception] = sqlalchemy.exc.OperationalError
        try:
            parsed = sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")
        except sqlalchemy.exc.ArgumentError:
            raise StoreError("the key store: no URL of PostgreSQL") from None
        self._password = str(parsed.password or "")
        self.name = parsed.set(drivername="postgresql").render_as_string(hide_password=True)
        options = f"-c lock_timeout={_WAIT_MILLISECONDS}"
        try:
            self._engine = sqlalchemy.create_engine(
                parsed,
                pool_pre_ping=True,
                pool_size=1,
                connect_args={"connect_timeout": _CONNECT_TIMEOUT, "options": options},
            )
        except ImportError:
            hint = "pip install 'avowal[sql]'"
            raise ConfigError("needs psycopg", key=self.name, hint=hint) from None

    @contextmanager
    def _transaction(self, *first: str) -> Iterator[Session]:
        try:
            with self._engine.begin() as connection:
                session = _Session(self._text, connection)
                for statement in first:
                    session.run(statement)
                yield session
        except self._error as error:
            kind = StoreAwayError if self._is_away(error) else StoreError
            raise kind(f"{self.name}: {self._said(error)}") from None

    def _is_away(self, error: Exception) -> bool:
        """Whether nobody answered; a server that refuses says FATAL, as it does while it starts."""
        text = str(error)
        answered = "FATAL" in text and "starting up" not in text
        return isinstance(error, self._refusal) and "connection" in text and not answered

    def _said(self, error: Exception) -> str:
        text = str(error)
        if "LockNotAvailable" in text:
            return "another program holds it locked: nothing was written; do it again later"
        if "DiskFull" in text:
            return "the disk of the database is full: nothing was written"
        return redacted(text.splitlines()[0], self._password)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that reads one state."""
        with self._transaction("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY") as one:
            yield one

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that no other writer runs beside."""
        first = "LOCK TABLE avowal_keys_meta IN EXCLUSIVE MODE"
        with self._transaction(*((first,) if self.has_tables() else ())) as one:
            yield one

    def has_tables(self) -> bool:
        """Whether the tables are made, where this user's search path leads."""
        with self._transaction() as session:
            found = session.run("SELECT to_regclass('avowal_keys_meta')")
        return found[0][0] is not None

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


class _Session:
    def __init__(self, text: Callable[[str], TextClause], connection: Connection) -> None:
        self._text = text
        self._connection = connection

    def run(self, statement: str, given: Mapping[str, object] = {}) -> list[Row]:
        result = self._connection.execute(self._text(statement), given)
        return [tuple(row) for row in result] if result.returns_rows else []
