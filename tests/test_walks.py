"""The way of a message through the files: docs/design/walks.md is true, and no walk gets longer."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED: dict[str, Any] = tomllib.loads((ROOT / "tests/ratchets.toml").read_text())["walks"]
SLACK = 3  # how much shorter a walk may become before its row has to follow


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("walk", ROOT / "scripts/walk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


walk = loaded()
NAMES = [one.name for one in walk.WALKS]


def test_the_page_is_what_the_tracer_writes() -> None:
    assert (ROOT / "docs/design/walks.md").read_text() == walk.page()


@pytest.mark.parametrize("one", walk.WALKS, ids=NAMES)
def test_a_walk_is_told_in_ten_lines(one: Any) -> None:
    assert len(one.parts) == 10


@pytest.mark.parametrize("one", walk.WALKS, ids=NAMES)
def test_a_walk_does_not_get_longer(one: Any) -> None:
    for how, (files, changes) in walk.figures(one).items():
        allowed = ALLOWED[one.name]
        assert files <= allowed["files"], how
        assert changes <= allowed["changes"], how


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="comprehensions are no calls there")
@pytest.mark.parametrize("one", walk.WALKS, ids=NAMES)
def test_its_row_follows_what_has_become_shorter(one: Any) -> None:
    found, allowed = walk.figures(one).values(), ALLOWED[one.name]
    assert allowed["files"] == max(files for files, _ in found)
    assert allowed["changes"] - SLACK <= max(changes for _, changes in found)


def test_a_walk_that_goes_another_way_is_refused() -> None:
    one = walk.WALKS[0]
    with pytest.raises(LookupError, match="is not on the way"):
        walk.lines_of(one, [walk.Step("calls/verify.py", "verify")])


def test_changes_are_counted_between_neighbours() -> None:
    steps = [walk.Step(file, "f") for file in ("a", "a", "b", "a", "a")]
    assert (walk.files(steps), walk.changes(steps)) == (["a", "b"], 2)
