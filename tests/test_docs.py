"""What the pages say can be followed: links lead somewhere, targets exist, examples run."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import avowal

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if "_build" not in page.parts]

SOURCES = ROOT / "src"
DOCTESTED = [
    ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCES.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]

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
def test_python_examples_run(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s1.pem").write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    (tmp_path / "s1.pem").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    exec(compile(text, "example", "exec"), {})


def test_the_first_example_shows_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = next(text for tongue, text in FENCE.findall(readme) if tongue == "python")
    test_python_examples_run(first, tmp_path, monkeypatch)
    assert capsys.readouterr().out.startswith("pass example.com")


@pytest.mark.parametrize("name", DOCTESTED)
def test_examples_in_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


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


def test_the_changelog_begins_with_what_is_unreleased_or_with_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] in {"Unreleased", avowal.__version__}
