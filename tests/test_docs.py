"""What the pages say can be followed: links lead somewhere, targets and names exist."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if "_build" not in page.parts]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def examples(language: str) -> list[object]:
    """Every fenced block of a language, as parameters named after page and place."""
    return [
        pytest.param(text, id=f"{name_of(page)}-{place}")
        for page in PAGES
        for place, (tongue, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if tongue == language
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    links = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    local = [link.partition("#")[0] for link in links if "://" not in link and link[0] != "#"]
    local = [link for link in local if not link.startswith("mailto:")]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("text", examples("python"))
def test_python_examples_import_what_exists(text: str) -> None:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            module = importlib.import_module(node.module)
            absent = [alias.name for alias in node.names if not hasattr(module, alias.name)]
            assert absent == [], node.module


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_named_in_the_pages_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named - targets == set()


@pytest.mark.parametrize("text", examples("console"))
def test_commands_shown_in_the_pages_exist(text: str) -> None:
    named = set(re.findall(r"^\$ avowal ([a-z][a-z-]*)", text, re.MULTILINE))
    if named and importlib.util.find_spec("avowal.cli") is None:
        pytest.skip("avowal.cli is not built yet")
    for command in sorted(named):
        shown = subprocess.run(
            [sys.executable, "-c", "from avowal.cli import main; main()", command, "--help"],
            env={"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0] == version
