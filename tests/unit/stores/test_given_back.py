"""A store that cannot be opened, or fails, keeps no connection."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from avowal.errors import StoreError
from avowal.stores.dsn import SqlSet
from avowal.stores.opinions import SqliteOpinions


def test_a_set_whose_table_is_not_there_keeps_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engines: list[Any] = []
    made = sqlalchemy.create_engine

    def making(*arguments: Any, **options: Any) -> Any:
        engines.append(made(*arguments, **options))
        return engines[-1]

    monkeypatch.setattr(sqlalchemy, "create_engine", making)
    (tmp_path / "d").touch()  # a database without tables
    directory = str(tmp_path).replace("/", "=2F")
    with pytest.raises(StoreError, match="nowhere"):
        SqlSet(f"sqlite3://{directory}/d/table=nowhere?keycol=k?datacol=v")
    assert [engine.pool.checkedin() for engine in engines] == [0]


def test_a_file_that_is_no_database_keeps_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").write_bytes(b"no database" * 100)
    connections: list[sqlite3.Connection] = []
    made = sqlite3.connect

    def connecting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(made(*arguments, **options))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", connecting)
    opinions = SqliteOpinions(tmp_path / "d")
    for act in (opinions.create, opinions.put):
        with pytest.raises(StoreError):
            act()
    for connection in connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.cursor()
