"""A year of one domain, with its mail: a small share of `bench/bench_rotation.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from avowal.keys import rotation_evidence

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from bench_rotation import year


def test_no_message_of_a_year_is_unverifiable() -> None:
    counts, wrong = year((3, 4000))
    assert (counts["unverifiable"], wrong) == (0, [])
    assert counts["messages"] > 3900
    assert counts["keys"] >= 5


def test_without_the_wait_for_caches_some_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_evidence, "wait_of", lambda *_: 0)
    assert any(year((seed, 1000))[0]["unverifiable"] for seed in (5, 4, 6))
