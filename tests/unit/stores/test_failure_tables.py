"""Failure reports that wait, in SQLite; PostgreSQL does the same (integration)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.event_stores import Opening
from tests.failure_stores import FAILURE_CASES, an_address_goes_from_failures_too

from avowal.stores.events import open_event_store


@pytest.mark.parametrize("case", FAILURE_CASES, ids=lambda case: case.__name__)
def test_failures_in_sqlite(case: Callable[[Opening], None], tmp_path: Path) -> None:
    case(lambda: open_event_store(f"sqlite:{tmp_path}/events.db"))


def test_failures_beside_parquet_files(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed (extra: reports)")
    an_address_goes_from_failures_too(lambda: open_event_store(f"parquet:{tmp_path}/events"))
