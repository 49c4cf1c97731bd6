"""docs/conformance.md tells the truth: the tests it names exist, and no id stands twice."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "docs" / "conformance.md"


class Row(NamedTuple):
    id: str
    requirement: str
    test: str
    note: str


def rows() -> list[Row]:
    """The rows of every table of the ledger, heads and rules left out."""
    lines = (line for line in LEDGER.read_text(encoding="utf-8").splitlines() if line[:2] == "| ")
    cells = ([cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines)
    return [Row(*row) for row in cells if row[0] != "id"]


ROWS = rows()
NAMED = [
    (row.id, reference.strip().strip("`"))
    for row in ROWS
    if row.test != "-"
    for reference in row.test.split("<br>")
]


@cache
def names_in(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The tests a file defines (`name`, `Class::name`), and its strings (ids of parameters)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tests = {node.name for node in tree.body if isinstance(node, functions)} | {
        f"{group.name}::{node.name}"
        for group in tree.body
        if isinstance(group, ast.ClassDef)
        for node in group.body
        if isinstance(node, functions)
    }
    constants = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return frozenset(tests), frozenset(constants)


def missing(reference: str) -> str | None:
    """What is wrong with `tests/file.py::test[parameter]`; None when it exists."""
    form = re.fullmatch(r"(tests/[\w/.-]+\.py)::((?:\w+::)?test_\w+)(?:\[(.+)\])?", reference)
    if form is None:
        return "is not of the form tests/path.py::test_name or tests/path.py::test_name[fact]"
    path, test, parameter = ROOT / form[1], form[2], form[3]
    if not path.is_file():
        return f"there is no {form[1]}"
    tests, constants = names_in(path)
    if test not in tests:
        return f"{form[1]} has no {test}"
    if parameter is not None and parameter not in constants:
        return f"{form[1]} has no parameter {parameter!r}"
    return None


def test_the_ledger_is_not_empty() -> None:
    assert len(ROWS) > 100


def test_no_id_stands_twice() -> None:
    ids = [row.id for row in ROWS]
    assert [one for one in dict.fromkeys(ids) if ids.count(one) > 1] == []


def test_every_named_test_exists() -> None:
    assert [(id_, name, why) for id_, name in NAMED if (why := missing(name)) is not None] == []


@pytest.mark.parametrize(
    ("reference", "exists"),
    [
        pytest.param("tests/test_ledger.py::test_no_id_stands_twice", True, id="function"),
        pytest.param("tests/test_ledger.py::test_a_reference_is_judged[function]", True, id="fact"),
        pytest.param("tests/test_ledger.py::test_nothing_of_this_name", False, id="no-function"),
        pytest.param("tests/no_such_file.py::test_x", False, id="no-file"),
        pytest.param("tests/test_ledger.py", False, id="no-name"),
    ],
)
def test_a_reference_is_judged(reference: str, exists: bool) -> None:
    assert (missing(reference) is None) is exists
