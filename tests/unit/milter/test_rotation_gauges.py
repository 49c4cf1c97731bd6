"""The rotations' text beside the metrics: written where there is a store, read by every worker."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avowal.errors import StoreError
from avowal.milter import rotation_gauges
from avowal.milter.rotation_gauges import RotationGauges
from avowal.milter.rotation_text import rotations_in, write


def generation(told: object) -> Any:
    return SimpleNamespace(prepared=SimpleNamespace(rotations=told))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_gauges, "_PAUSE", 0)


def test_what_is_told_is_read_beside_the_numbers(tmp_path: Path) -> None:
    assert rotations_in(str(tmp_path / "numbers")) == b""
    RotationGauges().keep(generation(lambda: "avowal_rotations 1\n"), str(tmp_path))
    assert rotations_in(str(tmp_path / "numbers")) == b"avowal_rotations 1\n"


def test_a_text_beyond_the_bound_is_left_out(tmp_path: Path) -> None:
    write(str(tmp_path), "x" * ((1 << 20) + 1))
    assert rotations_in(str(tmp_path / "numbers")) == b""


def test_a_store_that_is_away_leaves_the_last_text_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = iter(["first\n"])

    def told() -> str:
        for text in texts:
            return text
        raise StoreError("keys.db: away")

    gauges = RotationGauges()
    for _ in range(3):
        gauges.keep(generation(told), str(tmp_path))
    assert rotations_in(str(tmp_path / "numbers")) == b"first\n"
    assert [one.getMessage() for one in caplog.records] == [
        "keys.db: away: the metrics of rotations stay as they were"
    ]


@pytest.mark.parametrize("directory", [None, "here"], ids=["no metrics", "no store"])
def test_where_there_is_nothing_to_tell_nothing_is_written(
    directory: str | None, tmp_path: Path
) -> None:
    told = None if directory else (lambda: "x")
    RotationGauges().keep(generation(told), directory and str(tmp_path))
    assert list(tmp_path.iterdir()) == []
