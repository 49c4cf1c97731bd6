"""No pattern of the package repeats a group possessively, or holds an atomic one.

Python before 3.11.5, Debian 12's own among them, does not put back its stack when such a group
fails half way (CPython gh-106052): `(?:a:?)*+` then takes octets that it should refuse.  A
possessive single class is right everywhere.  What is parsed is what `re` was given, so that a
pattern joined of parts is seen whole.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]  # the only door to the parsed form
from typing import Any

import pytest

SOURCES = sorted((Path(__file__).parents[1] / "src/avowal").rglob("*.py"))
SINGLE = {_constants.IN, _constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY}
WRITTEN = re.compile(r"\)[*+?]\+|\)\{[0-9,]*\}\+|\(\?>")

# Imports every module and prints the module and pattern of each compilation of ours.
IMPORTING = """
import importlib, json, pkgutil, re, sys

seen, inner = [], re._compile

def compiled(pattern, flags):
    where = sys._getframe(2).f_globals.get("__name__", "")
    if where.partition(".")[0] == "avowal" and isinstance(pattern, (str, bytes)):
        text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
        seen.append((where, text, int(flags)))
    return inner(pattern, flags)

re._compile = compiled
import avowal

for module in pkgutil.walk_packages(avowal.__path__, "avowal."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps(seen))
"""


def parts(parsed: Any) -> Iterator[tuple[Any, Any]]:
    """Every operation of a parsed pattern and what it has, depth first."""
    for operation, argument in parsed:
        yield operation, argument
        yield from below(argument)


def below(argument: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(argument, _parser.SubPattern):
        yield from parts(argument)
    elif isinstance(argument, tuple | list):
        for inner in argument:
            yield from below(inner)


def is_misread(pattern: str, flags: int = 0) -> bool:
    """Whether Python 3.11.2 may read the pattern otherwise than later ones."""
    for operation, argument in parts(_parser.parse(pattern, flags)):
        if operation is _constants.ATOMIC_GROUP:
            return True
        if operation is _constants.POSSESSIVE_REPEAT:
            repeated = argument[2]
            if len(repeated) != 1 or repeated[0][0] not in SINGLE:
                return True
    return False


@pytest.mark.parametrize(
    ("pattern", "misread"),
    [
        pytest.param(r"(?:a|b c)*+", True, id="group-of-alternatives"),
        pytest.param(r"(?:ab)++", True, id="group-of-two"),
        pytest.param(r"x(?:y(?:ab)?+)?", True, id="inner-group"),
        pytest.param(r"(?=(?:ab){2,3}+)", True, id="group-in-a-lookahead"),
        pytest.param(r"(?>a+)b", True, id="atomic-group"),
        pytest.param(r"[a-z]*+x++\.?+.{2,3}+", False, id="single-classes"),
        pytest.param(r"(?:ab*+)*", False, id="class-in-a-group"),
    ],
)
def test_the_guard_knows_what_is_misread(pattern: str, misread: bool) -> None:
    assert is_misread(pattern) is misread


def test_no_compiled_pattern_is_misread() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    patterns = json.loads(ran.stdout)
    assert len(patterns) > 100  # the watch sees them
    assert [row for row in patterns if is_misread(row[1], row[2] & ~re.UNICODE)] == []


def test_no_text_compiled_later_is_misread() -> None:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
                if WRITTEN.search(text):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_no_format_of_the_kernel_depends_on_the_headers_it_is_built_with() -> None:
    """``y#`` by the headers of 3.13 fails on 3.11, which loads the same file (abi3)."""
    kernel = (Path(__file__).parents[1] / "src/avowal/_kernel.c").read_text()
    formats = re.findall(r'(?:BuildValue|ParseTuple)[^;]*?"([^"]*)"', kernel)
    assert formats
    assert [one for one in formats if "#" in one] == []


def test_the_kernel_takes_a_reference_to_each_none_that_it_returns() -> None:
    """The headers of 3.12 and later count on a None that never ends: 3.11 loads the same file."""
    kernel = (Path(__file__).parents[1] / "src/avowal/_kernel.c").read_text()
    assert re.findall(r"Py_RETURN_(?!NONE of)\w+|return Py_(?:None|True|False)", kernel) == [
        "return Py_None"  # the function that all others call, behind its Py_INCREF
    ]


def test_no_none_is_lost_by_the_kernel() -> None:
    kernel = pytest.importorskip("avowal._kernel", reason="no compiler was here")
    before = sys.getrefcount(None)
    for _ in range(100_000):
        kernel.scan_header(b"X: y\r\n\r\n", 1, 1)  # beyond its limit: None
    assert sys.getrefcount(None) > before - 50_000
