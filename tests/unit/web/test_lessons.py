"""The messages of the tour: made by their script, and what each of them is there to show."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from avowal.web.lessons import report

ROOT = Path(__file__).parents[3]


def test_the_files_are_what_the_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("lessons", ROOT / "scripts" / "lessons.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    folder = ROOT / "src" / "avowal" / "web" / "lessons"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == script.messages()


@pytest.mark.parametrize(
    ("name", "answer", "explained", "chain"),
    [
        ("good", "authentic", False, None),
        ("list", "not-authentic", True, None),
        ("forged", "not-authentic", False, None),
        ("replayed", "authentic", False, None),
        ("arc", "not-authentic", True, "good"),
    ],
)
def test_a_lesson_shows_what_it_is_there_for(
    name: str, answer: str, explained: bool, chain: str | None
) -> None:
    told = report(name)
    assert told.verdict.answer == answer
    assert [one.explained for one in told.ladders] == [explained]
    assert (told.chain and told.chain.state) == chain


def test_the_change_is_marked_at_the_list() -> None:
    changed = [hop.host for hop in report("list").hops if hop.changed]
    assert changed == ["lists.example.org"]
