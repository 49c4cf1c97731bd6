"""docs/design/limits.md lists every bound in the source, with its value and a test of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from avowal.config.model import Configuration
from avowal.limits import Limits
from avowal.milter.events import SessionLimits
from avowal.policy.spf.values import SpfLimits
from avowal.report.limits import ReportLimits
from avowal.serve.limits import ServeLimits
from avowal.web.limits import WebLimits

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "avowal"
PAGE = (ROOT / "docs" / "design" / "limits.md").read_text(encoding="utf-8")
TABLES, _, REST = PAGE.partition("## Constants that bound nothing")
KINDS = (Limits, SessionLimits, SpfLimits, ServeLimits, WebLimits, ReportLimits)
VALUES = {made.__name__: made() for made in KINDS}
BOUND = re.compile(
    r"_?(MAX|MOST|LONGEST|KEPT|REMEMBERED|UNSPOKEN|PAGES|BACKLOG|ROOM|SIGNATURES|PAYLOAD)(_|$)"
    r"|.*_(OCTETS|SECONDS|KEPT|DEPTH|MOST|WAITING|AT|ROOM|INSTANCES)$"
)


class Row(NamedTuple):
    limit: str
    value: str
    tests: tuple[str, ...]


def rows() -> Iterator[Row]:
    for line in TABLES.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0] != "limit":
            yield Row(cells[0].strip("`"), cells[1], tuple(re.findall(r"`([^`]+::[^`]+)`", line)))


ROWS = tuple(rows())
BOUNDLESS = re.findall(r"`([^`]+)`", REST)


@cache
def constants() -> frozenset[str]:
    """The numbers of the modules whose names are those of bounds."""
    return frozenset(_constants())


def _constants() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target: ast.expr = node.targets[0]
            elif isinstance(node, ast.AnnAssign):
                target = node.target
            else:
                continue
            if isinstance(target, ast.Name) and BOUND.match(target.id):
                value = getattr(module_of(file), target.id)
                if isinstance(value, int | float):
                    yield f"{file} {target.id}"


def module_of(file: str) -> object:
    return import_module("avowal." + file.removesuffix(".py").replace("/", "."))


def value_of(limit: str) -> object:
    """The value in the source; None for what is no constant, field or option."""
    owner, _, name = limit.rpartition(".")
    if owner in VALUES:
        return getattr(VALUES[owner], name)
    file, _, name = limit.partition(" ")
    if file.endswith(".py"):
        return getattr(module_of(file), name)
    table = re.fullmatch(r"\[(\w+)\] (\w+)", limit)
    return None if table is None else getattr(getattr(Configuration(), table[1]), table[2])


def test_every_limit_is_on_the_page() -> None:
    fields = {
        f"{owner}.{name}" for owner, value in VALUES.items() for name in type(value).__slots__
    }
    listed = [row.limit for row in ROWS]
    assert len(listed) == len(set(listed))
    assert (fields | constants()) - set(listed) - set(BOUNDLESS) == set()


def test_what_bounds_nothing_is_still_there() -> None:
    assert set(BOUNDLESS) - constants() == set()


def test_what_bounds_nothing_stands_one_a_line_in_order() -> None:
    """Branches that add a name each would meet in a longer line, or at the end of the list."""
    assert re.findall(r"^- `([^`]+)`$", REST, re.MULTILINE) == sorted(set(BOUNDLESS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.limit)
def test_a_limit_has_the_value_of_the_page(row: Row) -> None:
    value = value_of(row.limit)
    if isinstance(value, int | float):
        assert float(row.value) == value
    else:
        assert value or not row.value.isdigit()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.limit)
def test_a_limit_is_reached_by_a_test_that_exists(row: Row) -> None:
    assert row.tests
    for test in row.tests:
        file, _, name = test.partition("::")
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"def {name}\(", text), test
