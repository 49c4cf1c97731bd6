"""The tables of reports that were received, version by version, and the way back.

A record is a row of numbers: what records have in common (everything but address and count)
stands once, as an outcome.  Days count from 1970-01-01.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple


class Version(NamedTuple):
    """What makes a version of the one before it, and what undoes that."""

    up: tuple[str, ...]
    down: tuple[str, ...]


VERSIONS: Final[tuple[Version, ...]] = (
    Version(  # 1: aggregate reports
        up=(
            """CREATE TABLE report (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,
                organization TEXT NOT NULL, report_id TEXT NOT NULL, domain TEXT NOT NULL,
                receiver TEXT NOT NULL, begins INTEGER NOT NULL, ends INTEGER NOT NULL,
                day INTEGER NOT NULL, facts TEXT NOT NULL, origin TEXT NOT NULL, sender TEXT,
                received INTEGER NOT NULL, lost INTEGER NOT NULL, damaged INTEGER NOT NULL,
                copies INTEGER NOT NULL DEFAULT 0,
                UNIQUE (kind, organization, report_id, domain))""",
            "CREATE INDEX report_day ON report (domain, day)",
            """CREATE TABLE outcome (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE,
                header_from TEXT NOT NULL, disposition TEXT, passed INTEGER NOT NULL,
                dkim INTEGER NOT NULL, spf INTEGER NOT NULL)""",
            """CREATE TABLE signature (outcome INTEGER NOT NULL, domain TEXT NOT NULL,
                selector TEXT NOT NULL, passed INTEGER NOT NULL)""",
            "CREATE INDEX signature_outcome ON signature (outcome)",
            """CREATE TABLE record (report INTEGER NOT NULL, source TEXT NOT NULL,
                outcome INTEGER NOT NULL, messages INTEGER NOT NULL)""",
            "CREATE INDEX record_report ON record (report)",
        ),
        down=tuple(f"DROP TABLE {name}" for name in ("record", "signature", "outcome", "report")),
    ),
    Version(  # 2: reports of SMTP TLS, failure reports, and which files were read
        up=(
            """CREATE TABLE tls (report INTEGER NOT NULL, policy TEXT NOT NULL,
                domain TEXT NOT NULL, successful INTEGER NOT NULL, failed INTEGER NOT NULL,
                facts TEXT NOT NULL)""",
            "CREATE INDEX tls_report ON tls (report)",
            """CREATE TABLE failure (report INTEGER NOT NULL, source TEXT, failure TEXT,
                delivery TEXT, incidents INTEGER NOT NULL, facts TEXT NOT NULL)""",
            "CREATE INDEX failure_report ON failure (report)",
            """CREATE TABLE read_file (path TEXT PRIMARY KEY, size INTEGER NOT NULL,
                modified INTEGER NOT NULL)""",
        ),
        down=(
            *(f"DROP TABLE {name}" for name in ("tls", "failure", "read_file")),
            "DELETE FROM report WHERE kind <> 'aggregate'",
        ),
    ),
)
"""What makes version n of version n - 1; a version that was released never changes."""


def no_store_of_reports(connection: sqlite3.Connection, path: str) -> str:
    """Say why a database is no store of reports, nor one to be; empty where it is.

    Nothing is made in a database of something else.  Raises sqlite3.Error.
    """
    if not path:
        return "the name of the store is empty: name a file"
    found: tuple[int, int, int] = connection.execute(  # in one: another process may just make it
        "SELECT (SELECT user_version FROM pragma_user_version), count(*),"
        " coalesce(sum(name = 'report'), 0) FROM sqlite_master"
    ).fetchone()
    version, tables, ours = found
    if ours if version else not tables:
        return ""
    return f"{path}: a database of something else, no store of reports: name another file"
