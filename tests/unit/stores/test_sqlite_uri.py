"""stores.sqlite_uri: every path opens the file it names, read only, in all stores."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from avowal.reputation.opinions import Opinion, Subject
from avowal.stores.opening import open_data_set
from avowal.stores.opinions import SqliteOpinions

EXAMPLE = Subject("example.com")
NAMES = [
    "a.db", "a?mode=memory.db", "a#b.db", "a%41.db", "a%.db", "a b.db", "a&b;c.db", "grün.db",
    "a+b.db", "[a].db", "a\\b.db",
]  # fmt: skip


def opinion_in(path: str) -> float | None:
    store = SqliteOpinions(path)
    store.create()
    store.put(Opinion(rater="us", subject=EXAMPLE, assertion="spam", rating=0.5))
    assessment = store.assess([EXAMPLE], now=0)
    assert assessment.problems == ()
    return assessment.rating("spam")


def escaped(text: str) -> str:
    """Write special characters as a `dsn:` does."""
    return "".join(c if c.isalnum() else f"={ord(c):02X}" for c in text)


def value_in(path: str) -> float | None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (k TEXT, v TEXT)")
        connection.execute("INSERT INTO t VALUES ('a', '0.5')")
    above, name = (escaped(part) for part in os.path.split(path))
    specification = f"dsn:sqlite3://{above}/{name}/table=t?keycol=k?datacol=v"
    with closing(open_data_set(specification)) as data:
        found = data.find("a")
        return None if found is None else float(found[0])


@pytest.mark.parametrize("stored", [opinion_in, value_in])
@pytest.mark.parametrize("name", NAMES)
def test_a_store_opens_the_file_that_is_named(
    stored: Callable[[str], float | None], name: str, tmp_path: Path
) -> None:
    assert stored(str(tmp_path / name)) == 0.5
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_path_that_begins_with_two_slashes_names_no_host(tmp_path: Path) -> None:
    assert opinion_in(f"/{tmp_path}/a.db") == 0.5


def test_octets_that_are_no_text_are_quoted_too(tmp_path: Path) -> None:
    assert opinion_in(os.fsdecode(bytes(tmp_path) + b"/\xff.db")) == 0.5
