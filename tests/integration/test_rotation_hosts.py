"""Two hosts and one PostgreSQL: whoever leads is killed, the other goes on, both sign alike."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("psycopg")
sys.path.append(str(Path(__file__).parents[2] / "bench"))
from bench_rotation_hosts import lived

pytestmark = [pytest.mark.needs("setpriv"), pytest.mark.slow, pytest.mark.timeout(600)]


def test_no_step_is_done_twice_or_left_out_and_both_sign_with_the_same_key(tmp_path: Path) -> None:
    found = lived(tmp_path, kills=3)
    life = ["prepared", "published", "seen", "canary", "signing"]
    assert found["wrong"] == []
    assert list(found["steps"].values()) == [[*life, "draining", "revoked"], life]
    assert (found["kills"], found["private keys"]) == (3, 2)
    before, after = found["before"], found["after"]
    assert before[0] == before[1] != after[0] == after[1]
