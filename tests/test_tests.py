"""Tests can fail, and say why they do not run."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

TESTS = Path(__file__).parent
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

# Running to the end is what is asked of these: nothing is raised but what is named.
TO_THE_END = frozenset(
    {
        "test_configurations_in_the_pages_are_valid",
        "test_events_in_clickhouse",
        "test_events_in_postgresql",
        "test_events_in_sqlite",
        "test_failures_in_sqlite",
        "test_no_octets_are_taken",
        "test_no_text_makes_a_zone_file_raise_anything_but_its_error",
        "test_nothing_makes_it_raise",
        "test_python_examples_run",
        "test_reading_raises_only_its_fault",
        "test_removed_options_can_be_tolerated",
        "test_what_was_found_stays_mended",
    }
)
WITH_ITSELF = frozenset({"entry == entry"})  # a value's own equality
SKIPPING = ("pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail")


@cache
def trees() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("*.py"))
    }


@pytest.fixture(scope="module", autouse=True)
def _let_go() -> Iterator[None]:
    """A million nodes: what they cost is over with these tests, not with the whole run."""
    yield
    trees.cache_clear()
    named.cache_clear()


def functions() -> Iterator[tuple[Path, Function]]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def each_test() -> Iterator[tuple[str, Function]]:
    for path, node in functions():
        if node.name.startswith("test_"):
            yield f"{path.relative_to(TESTS)}::{node.name}", node


def calls(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            yield ast.unparse(inner.func), inner


@cache
def named() -> dict[str, list[Function]]:
    found: dict[str, list[Function]] = {}
    for _, node in functions():
        found.setdefault(node.name, []).append(node)
    return found


def asserts(node: Function, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a function says what it expects, itself or by a helper of the tests."""
    if any(isinstance(inner, ast.Assert) for inner in ast.walk(node)):
        return True
    names = {name.rpartition(".")[2] for name, _ in calls(node)}
    if names & {"raises", "fail", "warns"}:
        return True
    further = seen | {node.name}
    return any(asserts(one, further) for name in names - further for one in named().get(name, ()))


def test_every_test_says_what_it_expects() -> None:
    silent = [where for where, node in each_test() if not asserts(node)]
    assert {where.partition("::")[2] for where in silent} == TO_THE_END


def vacuous(test: ast.expr) -> bool:
    """Whether an assertion holds whatever the code does."""
    if isinstance(test, ast.Tuple | ast.GeneratorExp | ast.Constant | ast.Lambda | ast.JoinedStr):
        return True
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(isinstance(value, ast.Constant) and value.value for value in test.values)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        same = ast.unparse(test.left) == ast.unparse(test.comparators[0])
        asks = any(isinstance(inner, ast.Call) for inner in ast.walk(test))  # twice: may differ
        return same and not asks and isinstance(test.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE)
    return False


@pytest.mark.parametrize(
    "text", ["True", "(a, 'why')", "(x for x in y)", "a or True", "a.b == a.b", "a <= a"]
)
def test_an_assertion_that_always_holds_is_seen(text: str) -> None:
    assert vacuous(ast.parse(text, mode="eval").body)


def test_no_assertion_holds_whatever_the_code_does() -> None:
    found = {
        ast.unparse(node.test)
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and vacuous(node.test)
    }
    assert found - WITH_ITSELF == set()


def test_no_test_catches_everything() -> None:
    broad = {
        where
        for where, test in each_test()
        for node in ast.walk(test)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    }
    wide = {"suppress(Exception)", "suppress(BaseException)", "suppress(AssertionError)"}
    broad |= {
        where
        for where, test in each_test()
        for _, call in calls(test)
        if ast.unparse(call).removeprefix("contextlib.") in wide
    }
    assert broad == set()


def returns(node: ast.AST) -> bool:
    """Whether a test may end early; functions within it are left out."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(inner, ast.Return) or returns(inner):
            return True
    return False


def test_generated_examples_are_assumed_away_never_passed_over() -> None:
    """Hypothesis fails a test that assumes most of its examples away; a return tells nobody."""
    early = [
        where
        for where, node in each_test()
        if any(ast.unparse(one).startswith("given(") for one in node.decorator_list)
        and returns(node)
    ]
    assert early == []


def test_every_test_that_does_not_run_says_why() -> None:
    silent = [
        f"{path.relative_to(TESTS)}:{call.lineno}"
        for path, tree in trees().items()
        for name, call in calls(tree)
        if name in SKIPPING
        and not any(one.arg == "reason" for one in call.keywords)
        and not (name == "pytest.skip" and call.args)
    ]
    assert silent == []
    options = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["pytest"]
    assert "-ra" in options["ini_options"]["addopts"]  # and the summary shows it
