"""``dsn:`` data sets: a table of a SQL database, asked with one SELECT per lookup.

The form is OpenDKIM's (opendkim(8), DATA SETS)::

    BACKEND://[USER[:PASSWORD]@][PORT+]HOST/DATABASE[/KEY=VALUE[?KEY=VALUE...]]

with the keys ``table``, ``keycol``, ``datacol`` (columns, separated by commas) and ``filter``
(a condition that is added with AND).  Special characters are written as in quoted-printable:
``=2F`` for a slash.  Backends are sqlite3 (HOST is the directory, DATABASE the file), pgsql
and mysql.  The value of a lookup is one field per column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from avowal import paths
from avowal.config.redaction import redacted
from avowal.errors import ConfigError, StoreError, SyntaxFault
from avowal.stores.datasets import Row
from avowal.stores.sqlite_uri import file_uri

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.engine import URL

_DSN = re.compile(
    r"(?P<backend>[a-z0-9]+)://+(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?:(?P<port>[0-9]+)\+)?(?P<host>.*?)/(?P<database>[^/]*)(?:/(?P<options>[^/]*))?"
)
_DRIVERS = {"sqlite3": "sqlite", "sqlite": "sqlite", "pgsql": "postgresql+psycopg",
            "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}  # fmt: skip
_ESCAPE = re.compile(r"=([0-9A-Fa-f]{2})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(?:\.[A-Za-z_][A-Za-z0-9_$]*)?")
_OPTIONS = ("table", "keycol", "datacol", "filter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A dsn: specification, taken apart.  `port` is None for the backend's own."""

    backend: str
    user: str | None
    password: str | None = field(repr=False)
    host: str
    port: int | None
    database: str
    table: str
    key_column: str
    data_columns: tuple[str, ...]
    filter: str | None

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read what follows ``dsn:``.  Raises SyntaxFault, which never shows a password."""
        found = _DSN.fullmatch(text.strip())
        if found is None:
            raise SyntaxFault(0, "not of the form backend://[user[:password]@][port+]host/database")
        if "@" in f"{found['host']}{found['database']}{found['options'] or ''}":
            # a slash or an @ of the password's own: what follows it would be shown as a host
            raise SyntaxFault(0, "an @ behind the host: write @ as =40, / as =2F and : as =3A")
        backend = found["backend"]
        if backend not in _DRIVERS:
            raise SyntaxFault(0, f"no driver for {backend}; there are {', '.join(_DRIVERS)}")
        options = _read_options(found["options"] or "")
        columns = tuple(name.strip() for name in options["datacol"].split(","))
        for name in (options["table"], options["keycol"], *columns):
            if _NAME.fullmatch(name) is None:
                raise SyntaxFault(0, f"{name!r} is not the name of a table or column")
        port = found["port"]
        return cls(
            backend=backend,
            user=_decoded(found["user"]),
            password=_decoded(found["password"]),
            host=_decoded(found["host"]) or "",
            port=None if port is None else int(port),
            database=_decoded(found["database"]) or "",
            table=options["table"],
            key_column=options["keycol"],
            data_columns=columns,
            filter=options.get("filter"),
        )

    @property
    def lookup(self) -> str:
        """The statement of one lookup, with the key as parameter ``:key``."""
        columns = ", ".join(self.data_columns)
        condition = f" AND {self.filter}" if self.filter else ""
        return f"SELECT {columns} FROM {self.table} WHERE {self.key_column} = :key{condition}"  # noqa: S608 - names are checked, the filter is the operator's own

    @property
    def listing(self) -> str:
        """The statement that lists the whole set."""
        columns = ", ".join((self.key_column, *self.data_columns))
        condition = f" WHERE {self.filter}" if self.filter else ""
        return f"SELECT {columns} FROM {self.table}{condition}"  # noqa: S608 - the same


class SqlSet:
    """A data set in a SQL database.

    `name` is the specification without its password.  Connections come from a pool, and one
    that went away is made again.  Lookups raise StoreError.
    """

    def __init__(self, text: str) -> None:
        """Connect.  Raises SyntaxFault, ConfigError for a missing driver, StoreError."""
        self.source = source = Source.parse(text)
        self.name = f"dsn:{source.backend}://{source.host}/{source.database}/{source.table}"
        try:
            import sqlalchemy  # noqa: PLC0415 - an extra: only those who use it need it
        except ImportError:
            raise ConfigError(
                "needs a library that is not installed",
                key=self.name,
                hint="pip install 'avowal[sql]'",
            ) from None
        self._fault: type[Exception] = sqlalchemy.exc.SQLAlchemyError
        try:
            if _DRIVERS[source.backend] == "sqlite":
                paths.look(f"{source.host}/{source.database}")
            self._engine = sqlalchemy.create_engine(_url(source), pool_pre_ping=True)
            self._lookup = sqlalchemy.text(_bindable(source.lookup))
            self._listing = sqlalchemy.text(_bindable(source.listing))
        except OSError as error:
            raise StoreError(f"{self.name}: {error.strerror}") from None
        except (self._fault, ImportError) as error:
            raise StoreError(f"{self.name}: {self._said(error)}") from None
        try:
            with self._engine.connect() as connection:
                connection.execute(self._lookup, {"key": ""}).fetchall()
        except self._fault as error:
            self.close()  # the pool keeps a connection over which a statement failed
            raise StoreError(f"{self.name}: {self._said(error)}") from None

    def __repr__(self) -> str:
        return f"<SqlSet {self.name}>"

    def find(self, key: str, fields: int = 1) -> tuple[str, ...] | None:
        """Return the columns of the row of a key (at most `fields`), or None."""
        if not is_text(key):
            return None
        rows = self._rows(self._lookup, {"key": key})
        return None if not rows else tuple(_word(column) for column in rows[0][:fields])

    def __iter__(self) -> Iterator[Row]:
        for key, *columns in self._rows(self._listing, {}):
            yield Row(_word(key), ":".join(_word(column) for column in columns))

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _rows(
        self, statement: TextClause, parameters: Mapping[str, str]
    ) -> list[tuple[object, ...]]:
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(statement, parameters)]
        except self._fault as error:
            raise StoreError(f"{self.name}: {self._said(error)}") from None

    def _said(self, error: Exception) -> str:
        """Return the first line of what went wrong, without the password."""
        text = str(error)
        if len(error.args) == 2 and isinstance(error.args[0], int):  # MySQL: number and sentence
            text = f"{error.args[1]} ({error.args[0]})"
        first = (text.splitlines() or ["no connection"])[0]
        return redacted(first, self.source.password)


def is_text(key: str) -> bool:
    """Whether a key can stand in a table of text: UTF-8 without NUL.

    Keys come from strangers, such as the local part of an author; what no column can hold is
    in none, and databases refuse to be asked for it.
    """
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in key


def _url(source: Source) -> URL:
    from sqlalchemy.engine import URL  # noqa: PLC0415 - as above

    driver = _DRIVERS[source.backend]
    if driver == "sqlite":
        # Read only: it is never made where there is none, through a dangling link for instance.
        database = file_uri(f"{source.host}/{source.database}")
        return URL.create(driver, database=database, query={"mode": "ro", "uri": "true"})
    return URL.create(
        driver,
        username=source.user,
        password=source.password,
        host=source.host,
        port=source.port,
        database=source.database,
    )


def _read_options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for item in text.split("?"):
        key, equals, value = item.partition("=")
        if equals and key in _OPTIONS:
            options[key] = _decoded(value) or ""
        elif item:
            raise SyntaxFault(0, f"{key!r} is none of {', '.join(_OPTIONS)}")
    missing = [key for key in ("table", "keycol", "datacol") if not options.get(key)]
    if missing:
        raise SyntaxFault(0, f"{' and '.join(missing)} must be given")
    return options


def _decoded(text: str | None) -> str | None:
    return None if text is None else _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)


def _bindable(statement: str) -> str:
    """Keep colons of the operator's filter from being taken for parameters."""
    head, key, tail = statement.partition(":key")
    return head.replace(":", "\\:") + key + tail.replace(":", "\\:")


def _word(column: object) -> str:
    if isinstance(column, bytes):
        return column.decode("utf-8", "surrogateescape")
    return "" if column is None else str(column)
