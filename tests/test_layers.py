"""Who may import whom, and what must not be called where (docs/design/layers.md).

The contracts about imports are import-linter's and stand in pyproject.toml.  What a graph of
imports cannot show (a call, a handler, a way around a door) is read from the syntax tree here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "avowal"
LAYER_OF_MEANS, LAYER_OF_FACES, LAYER_OF_APP = "dns", "milter", "app"

# Calls and names that reach outside: the core is handed `now` and everything else it needs.
OUTSIDE = frozenset(
    {
        "time.time", "time.time_ns", "time.monotonic", "time.sleep", "datetime.now",
        "datetime.datetime.now", "datetime.utcnow", "datetime.datetime.utcnow", "date.today",
        "os.environ", "os.getenv", "os.urandom", "open", "print", "input",
    }
)  # fmt: skip


def layers() -> list[frozenset[str]]:
    """The layers from top to bottom, as the contract in pyproject.toml lists them."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contract = next(c for c in tool["contracts"] if c["id"] == "layers")
    return [frozenset(re.findall(r"\w+", layer)) for layer in contract["layers"]]


LAYERS = layers()
MODULES = sorted(PACKAGE.rglob("*.py"))


def height(package: str) -> int:
    """How far from the top a package stands: 0 is the top; without a layer it is the lowest."""
    return next(
        (place for place, packages in enumerate(LAYERS) if package in packages), len(LAYERS)
    )


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def stands_below(path: Path, package: str) -> bool:
    """Whether a module stands on a lower layer than `package`; the front door stands above all."""
    own = package_of(path)
    return own != "__init__" and height(own) > height(package)


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.fixture(scope="module", autouse=True)
def _let_go() -> Iterator[None]:
    """The nodes of all modules are many: no later test shall pay for them."""
    yield
    nodes.cache_clear()


def findings(
    found_in: Callable[[ast.AST], Iterator[str]], chosen: Callable[[Path], bool]
) -> list[str]:
    """`file:line: what` for each node of the chosen modules in which something was found."""
    return [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {what}"
        for path in MODULES
        if chosen(path)
        for node in nodes(path)
        for what in found_in(node)
    ]


def reaches_outside(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in OUTSIDE:
        yield name
    if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in {
        "open",
        "print",
        "input",
    }:
        yield name
    if isinstance(node, ast.ImportFrom) and node.module in {"time", "datetime", "os"}:
        yield from (
            f"{node.module}.{alias.name}"
            for alias in node.names
            if f"{node.module}.{alias.name}" in OUTSIDE
        )


def runs_a_loop(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"asyncio.run", "asyncio.Runner"}:
        yield ast.unparse(node.func)


def swallows_everything(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ExceptHandler):
        caught = "" if node.type is None else ast.unparse(node.type)
        if caught in {"", "BaseException"}:
            yield f"except {caught}".strip()


def swallows_exceptions(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name):
        yield from ("except Exception" for _ in range(node.type.id == "Exception"))


def comes_in_by_the_front_door(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "avowal":
        packages = {package_of(path) for path in MODULES} | {"_kernel"}
        yield from (f"from avowal import {a.name}" for a in node.names if a.name not in packages)


def test_imports_keep_to_the_layers() -> None:
    linter = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", linter],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_has_a_layer(path: Path) -> None:
    assert package_of(path) == "__init__" or any(
        package_of(path) in packages for packages in LAYERS
    )


@pytest.mark.parametrize("name", sorted({package_of(path) for path in MODULES} - {"__init__"}))
def test_the_page_draws_every_package(name: str) -> None:
    drawn = (ROOT / "docs" / "design" / "layers.md").read_text(encoding="utf-8").split("```")[1]
    kernels = name == "_fast" or name.startswith("_pure")
    assert kernels or name in re.findall(r"\w+", drawn)


def test_decisions_are_numbered_without_holes() -> None:
    pages = sorted((ROOT / "docs" / "design" / "decisions").glob("*.md"))
    numbers = [page.name[:4] for page in pages]
    assert numbers == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert [p.read_text(encoding="utf-8")[2:6] for p in pages] == numbers


def test_the_core_reads_no_clock_environment_or_file() -> None:
    assert findings(reaches_outside, lambda path: stands_below(path, LAYER_OF_MEANS)) == []


def test_only_faces_and_above_start_an_event_loop() -> None:
    assert findings(runs_a_loop, lambda path: stands_below(path, LAYER_OF_FACES)) == []


def test_nothing_catches_everything() -> None:
    assert findings(swallows_everything, lambda _: True) == []


def test_only_faces_and_above_catch_exception() -> None:
    # `lookup` calls resolvers, which are programs of the caller's: docs/design/decisions/0009
    def bound(path: Path) -> bool:
        return stands_below(path, LAYER_OF_FACES) and path != PACKAGE / "lookup.py"

    assert findings(swallows_exceptions, bound) == []


def test_nothing_below_comes_in_by_the_front_door() -> None:
    assert findings(comes_in_by_the_front_door, lambda path: stands_below(path, LAYER_OF_APP)) == []


@pytest.mark.parametrize(
    ("search", "source"),
    [
        pytest.param(reaches_outside, "time.time()", id="clock"),
        pytest.param(reaches_outside, "from time import time", id="clock-by-name"),
        pytest.param(reaches_outside, "os.environ['HOME']", id="environment"),
        pytest.param(reaches_outside, "open('file')", id="file"),
        pytest.param(runs_a_loop, "asyncio.run(main())", id="loop"),
        pytest.param(swallows_everything, "try: pass\nexcept: pass", id="bare-except"),
        pytest.param(swallows_exceptions, "try: pass\nexcept Exception: pass", id="except"),
        pytest.param(comes_in_by_the_front_door, "from avowal import verify", id="front-door"),
    ],
)
def test_the_searches_find_what_they_are_for(
    search: Callable[[ast.AST], Iterator[str]], source: str
) -> None:
    assert [what for node in ast.walk(ast.parse(source)) for what in search(node)]
