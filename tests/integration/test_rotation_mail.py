"""Mail of a daemon whose keys rotate over servers that fail and lie: a small run of the bench."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))
from bench_rotation_mail import lived

pytestmark = pytest.mark.slow


def test_every_message_verifies_through_every_resolver(tmp_path: Path) -> None:
    found = lived(tmp_path, messages=100, rate=8, domains=1, seed=5, every=4)
    assert found["unverifiable"] == []
    assert found["verifications: pass"] == 200
    assert found["halted"] == []
    assert int(str(found["switches"])) >= 2
