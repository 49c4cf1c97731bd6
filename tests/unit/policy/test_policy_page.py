"""docs/reference/policy.md says what the tables of the code say."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from avowal.policy import adsp, lint, ssp
from avowal.policy.assessment import Handling, PolicyGeneration
from avowal.policy.practices import Standing
from avowal.policy.trace import Action

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
CHECKS = Path(lint.__file__).parent


def codes() -> set[str]:
    """Every code of a finding, from the calls that make one."""
    found = set()
    for path in CHECKS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "LintFinding":
                named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                value = named[0] if named else node.args[1]
                assert isinstance(value, ast.Constant)
                found.add(value.value)
    return found


@pytest.mark.parametrize(
    ("symbol", "standings"), ssp.DECISIONS.items(), ids=[f"o={s}" for s in ssp.DECISIONS]
)
def test_the_table_of_symbols_is_that_of_the_code(
    symbol: str, standings: tuple[Standing, ...]
) -> None:
    cells = " | ".join(standing.value for standing in standings)
    assert re.search(rf"^\| `{re.escape(symbol)}` \| \w+ \| {cells} \|$", PAGE, re.MULTILINE)


def test_the_codes_of_findings_are_those_of_the_checks() -> None:
    section = PAGE.partition("## What `avowal policy check` finds")[2]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == codes()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(PolicyGeneration, id="generations"),
        pytest.param(Handling, id="handlings"),
        pytest.param(Standing, id="standings"),
        pytest.param(adsp.AdspResult, id="adsp"),
    ],
)
def test_every_word_is_named(words: type[PolicyGeneration]) -> None:
    assert [word.value for word in words if f"`{word.value}`" not in PAGE] == []


def test_every_action_of_a_trace_is_named() -> None:
    assert [action for action in get_args(Action) if f"`{action}`" not in PAGE] == []
