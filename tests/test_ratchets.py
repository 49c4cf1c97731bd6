"""What may only get better: sizes, circles of imports, holes in the types (tests/ratchets.toml).

A row of the file is what is over a limit today, with the reason; a new one needs a reason that
a reviewer believes.  What has come below its limit loses its row, and a number that has become
smaller is written down, so that it cannot grow again.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import grimp
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
RATCHETS: dict[str, Any] = tomllib.loads((Path(__file__).with_name("ratchets.toml")).read_text())
FILE_LINES = 300
FUNCTION_LINES = 50
SLACK = 10  # how much smaller something may become before its row has to follow


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "src/avowal").as_posix()


def grown(found: Mapping[str, int], allowed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is larger than its row, or has none; found are those over the limit only."""
    return [
        f"{name}: {size}, allowed are {allowed[name]['size'] if name in allowed else 'no more'}"
        for name, size in found.items()
        if name not in allowed or size > allowed[name]["size"]
    ]


def long_files() -> dict[str, int]:
    lines = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    return {name: size for name, size in lines.items() if size > FILE_LINES}


class Read(NamedTuple):
    """What is counted in the source: all of it is parsed once, not for each number."""

    long_functions: dict[str, int]
    calls: Counter[str]


@cache
def read() -> Read:
    found = Read({}, Counter())
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION_LINES:
                    found.long_functions[f"{name_of(path)}:{node.name}"] = size
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.calls[node.func.id] += 1
    return found


SIZES = {"files": long_files, "functions": lambda: read().long_functions}


@pytest.mark.parametrize("kind", SIZES)
def test_nothing_grows_beyond_its_size(kind: str) -> None:
    assert grown(SIZES[kind](), RATCHETS[kind]) == []


@pytest.mark.parametrize("kind", SIZES)
def test_what_has_become_small_enough_has_no_row(kind: str) -> None:
    assert set(RATCHETS[kind]) - set(SIZES[kind]()) == set()


@pytest.mark.parametrize("kind", SIZES)
def test_a_row_follows_what_has_become_smaller(kind: str) -> None:
    found = SIZES[kind]()
    rows = {name: row["size"] for name, row in RATCHETS[kind].items()}
    assert {n: found[n] for n in rows if n in found and rows[n] - found[n] > SLACK} == {}


@pytest.mark.parametrize("kind", SIZES)
def test_every_exception_has_its_reason(kind: str) -> None:
    assert [name for name, row in RATCHETS[kind].items() if len(row["why"]) < 15] == []


def test_a_file_that_grew_is_named() -> None:
    allowed = {"a.py": {"size": 310, "why": ""}}
    assert grown({"a.py": 310}, allowed) == []
    assert grown({"a.py": 311, "b.py": 301}, allowed) == [
        "a.py: 311, allowed are 310",
        "b.py: 301, allowed are no more",
    ]


# -- circles of imports ------------------------------------------------------------------------


def circles(imports: Mapping[str, Iterable[str]]) -> Iterator[frozenset[str]]:
    """The sets of modules each of which comes to all others by imports (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> Iterator[frozenset[str]]:
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in imports.get(module, ()):
            if other not in order:
                yield from visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            place = stack.index(module)
            found = frozenset(stack[place:])
            del stack[place:]
            if len(found) > 1:
                yield found

    for module in imports:
        if module not in order:
            yield from visit(module)


def test_no_imports_run_in_a_circle() -> None:
    """Imports for the type checker alone count: modules that need each other are one module."""
    graph = grimp.build_graph("avowal", cache_dir=None)
    imports = {
        module: sorted(graph.find_modules_directly_imported_by(module))
        for module in sorted(graph.modules)
    }
    found = {" ".join(sorted(circle)) for circle in circles(imports)}
    assert found == {" ".join(sorted(row["modules"])) for row in RATCHETS.get("circles", ())}


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        pytest.param({"a": ["b"], "b": ["c"], "c": []}, [], id="a-chain"),
        pytest.param({"a": ["b"], "b": ["a"]}, ["ab"], id="two"),
        pytest.param({"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": []}, ["bc"], id="within"),
        pytest.param({"a": ["b"], "b": ["c", "a"], "c": ["a"]}, ["abc"], id="three"),
    ],
)
def test_a_circle_is_found(imports: dict[str, list[str]], expected: list[str]) -> None:
    assert ["".join(sorted(circle)) for circle in circles(imports)] == expected


# -- types ---------------------------------------------------------------------------------------


def ignores() -> int:
    return sum(path.read_text().count("# type: ignore") for path in SOURCES)


COUNTS = {
    "cast": lambda: read().calls["cast"],
    "getattr": lambda: read().calls["getattr"],
    "hasattr": lambda: read().calls["hasattr"],
    "type-ignore": ignores,
}


@pytest.mark.parametrize("kind", COUNTS)
def test_ways_around_the_types_do_not_become_more(kind: str) -> None:
    count, allowed = COUNTS[kind](), RATCHETS["types"][kind]
    assert allowed - SLACK <= count <= allowed


REPORT = ROOT / ".mypy_cache/any/any-exprs.txt"  # as `make types` left it


def fresh(report: Path) -> bool:
    """Whether a report is younger than all that mypy read for it."""
    read = [*SOURCES, *(ROOT / "stubs").rglob("*.pyi"), ROOT / "pyproject.toml"]
    return report.exists() and report.stat().st_mtime > max(one.stat().st_mtime for one in read)


@pytest.mark.timeout(600)
def test_expressions_of_no_type_do_not_become_more(tmp_path: Path) -> None:
    """By mypy's own count; where `make types` has not run, twelve seconds of a core."""
    report = REPORT
    if not fresh(report):
        report = tmp_path / REPORT.name
        ran = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"),
             "--any-exprs-report", str(tmp_path)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout
    total = re.search(r"^ *Total +(\d+) +(\d+)", report.read_text(), re.MULTILINE)
    assert total is not None
    allowed = RATCHETS["types"]["any"]
    assert allowed - 3 * SLACK <= int(total[1]) <= allowed
