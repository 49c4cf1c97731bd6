"""The ledger of events in ClickHouse: an SQLite file or PostgreSQL, named with the store."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from avowal.errors import StoreError
from avowal.stores.event_tables import EventTables


def named_ledger(name: str, seconds: int) -> tuple[str, str | None]:
    """Return the URL for the client, which waits so many seconds to connect, and the ledger.

    Raises StoreError for two ledgers.
    """
    parts = urlsplit(name)
    options = parse_qsl(parts.query, keep_blank_values=True)
    ledgers = [text for option, text in options if option == "ledger"]
    if len(ledgers) > 1:
        raise StoreError("ClickHouse: ledger= stands twice in the name of the store")
    given = {option for option, _ in options}
    rest = [one for one in options if one[0] != "ledger"]
    if "connect_timeout" not in given:
        rest.append(("connect_timeout", str(seconds)))
    return urlunsplit(parts._replace(query=urlencode(rest))), ledgers[0] if ledgers else None


def opened_ledger(name: str | None) -> EventTables:
    """Open a ledger.  Raises StoreError, for none too."""
    from avowal.stores.postgres_events import PostgresEvents  # noqa: PLC0415 - few have these
    from avowal.stores.sqlite_events import SqliteEvents  # noqa: PLC0415

    if not name:
        raise StoreError(
            "ClickHouse keeps no ledger of report mails: name one in the store,"
            " clickhouse://…?ledger=sqlite:PATH or ?ledger=postgresql://… for several hosts"
        )
    if name.startswith(("postgresql://", "postgres://")):
        return PostgresEvents(name)
    return SqliteEvents(name.removeprefix("sqlite:"))
