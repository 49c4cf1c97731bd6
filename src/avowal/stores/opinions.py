"""Opinions in an SQLite database, for those who keep their own (avowal.reputation).

::

    CREATE TABLE opinions (
        subject TEXT NOT NULL, assertion TEXT NOT NULL, rating REAL NOT NULL,
        confidence REAL, sample_size INTEGER, generated INTEGER, expires INTEGER,
        PRIMARY KEY (subject, assertion))

Subjects are lower-cased: a domain, ``.domain`` for all below it, or an identity.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from avowal import paths
from avowal.errors import StoreError
from avowal.reputation.opinions import Assessment, Opinion, Subject
from avowal.reputation.table import lookup_names
from avowal.stores.sqlite_faults import sqlite_fault
from avowal.stores.sqlite_uri import file_uri

SCHEMA = """
CREATE TABLE IF NOT EXISTS opinions (
    subject TEXT NOT NULL, assertion TEXT NOT NULL,
    rating REAL NOT NULL CHECK (rating BETWEEN 0 AND 1),
    confidence REAL CHECK (confidence BETWEEN 0 AND 1),
    sample_size INTEGER, generated INTEGER, expires INTEGER,
    PRIMARY KEY (subject, assertion))
"""
_COLUMNS = "subject, assertion, rating, confidence, sample_size, generated, expires"
_Row: TypeAlias = tuple[str, str, float, float | None, int | None, int | None, int | None]
_SECONDS = 2.0  # to wait for another writer
_HALF_SURE = 10  # messages
_OBSERVE = """
INSERT INTO opinions (subject, assertion, rating, confidence, sample_size, generated)
VALUES (:subject, :assertion, :holds, :n / (:n + :half + 0.0), :n, :now)
ON CONFLICT (subject, assertion) DO UPDATE SET
    rating = (rating * coalesce(sample_size, 1) + :holds * :n) / (coalesce(sample_size, 1) + :n),
    confidence = (coalesce(sample_size, 1) + :n) / (coalesce(sample_size, 1) + :n + :half + 0.0),
    sample_size = coalesce(sample_size, 1) + :n, generated = :now
"""
_REMOVE = """
DELETE FROM opinions
WHERE subject = :subject AND (:assertion IS NULL OR assertion = :assertion)
"""


class SqliteOpinions:
    """An assessor over one database file; each question opens it, so threads may share it."""

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._rater = Path(path).name

    def create(self) -> None:
        """Make the table.  Raises StoreError."""
        try:
            with closing(self._opened()) as connection, connection:
                connection.execute(SCHEMA)
        except sqlite3.Error as error:
            raise sqlite_fault(self._path, error) from None

    def put(self, *opinions: Opinion) -> None:
        """Add or replace opinions.  Raises StoreError."""
        rows = [
            (o.subject.folded, o.assertion, o.rating, o.confidence, o.sample_size,
             o.generated, o.expires)
            for o in opinions
        ]  # fmt: skip
        try:
            with closing(self._opened()) as connection, connection:
                connection.executemany(
                    f"INSERT OR REPLACE INTO opinions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                    rows,
                )
        except sqlite3.Error as error:
            raise sqlite_fault(self._path, error) from None

    def observe(
        self, assertion: str, seen: Mapping[Subject, int], *, holds: bool, now: int
    ) -> None:
        """Count messages of which an assertion holds, or does not, for each subject.

        The rating is the share of all counted messages of which it holds, `sample_size` how
        many they are, the confidence how much they say: half at `_HALF_SURE` messages.  What
        was set by hand and not counted is a single message.  Raises StoreError.
        """
        rows = [
            {"subject": subject.name.lower(), "assertion": assertion, "holds": float(holds),
             "n": number, "now": now, "half": _HALF_SURE}
            for subject, number in seen.items()
        ]  # fmt: skip
        self._write(_OBSERVE, rows)

    def remove(self, subject: str, assertion: str | None = None) -> int:
        """Remove one opinion about a subject, or all; return how many.  Raises StoreError."""
        row = {"subject": subject.lower(), "assertion": assertion}
        return self._write(_REMOVE, [row])

    def all(self) -> Iterator[Opinion]:
        """Yield every opinion, by subject.  Raises StoreError."""
        try:
            paths.look(self._path)
            with closing(self._opened()) as connection:
                rows = connection.execute(
                    f"SELECT {_COLUMNS} FROM opinions ORDER BY subject, assertion"  # noqa: S608 - a constant
                )
                yield from map(self._opinion, rows)
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise sqlite_fault(self._path, error) from None

    def _write(self, statement: str, rows: Sequence[Mapping[str, object]]) -> int:
        try:
            with closing(self._opened()) as connection, connection:
                return connection.executemany(statement, rows).rowcount
        except sqlite3.Error as error:
            raise sqlite_fault(self._path, error) from None

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_SECONDS)

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Look up each subject, and the domains above it."""
        try:
            paths.look(self._path)
            connection = sqlite3.connect(
                f"{file_uri(self._path)}?mode=ro", uri=True, timeout=_SECONDS
            )
            try:
                return Assessment(
                    opinions=tuple(o for s in subjects for o in self._about(connection, s, now))
                )
            finally:
                connection.close()
        except OSError as error:
            return Assessment(problems=(f"{self._path}: {error.strerror}",))
        except sqlite3.Error as error:
            return Assessment(problems=(f"{self._path}: {error}",))

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Do the same in a thread."""
        return await asyncio.to_thread(self.assess, subjects, now=now)

    def _about(self, connection: sqlite3.Connection, subject: Subject, now: int) -> list[Opinion]:
        names = list(lookup_names(subject.folded))
        marks = ", ".join("?" * len(names))
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM opinions WHERE subject IN ({marks})"  # noqa: S608 - marks only
            " AND (expires IS NULL OR expires > ?) ORDER BY length(subject) DESC, assertion",
            (*names, now),
        )
        return [replace(self._opinion(row), subject=subject) for row in rows]

    def _opinion(self, row: _Row) -> Opinion:
        name, assertion, rating, confidence, sample_size, generated, expires = row
        return Opinion(
            rater=self._rater,
            subject=Subject(name),
            assertion=assertion,
            rating=rating,
            confidence=confidence,
            sample_size=sample_size,
            generated=generated,
            expires=expires,
        )
