"""What the pages say can be followed: links lead somewhere, targets exist, examples run."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import avowal
from avowal.cli.commands import group

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


SHOWN = re.compile(r"(?:^[$#] |\| )avowal ((?:[a-z]|--).*?)(?: #.*| [|;&].*)?$", re.MULTILINE)


def called(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the first words name, and the other words."""
    command: click.Command = group
    takes_value = {name for p in group.params for name in p.opts if not getattr(p, "is_flag", True)}
    while words[:1] and words[0] in takes_value:  # options before the command
        words = words[2:]
    while words and isinstance(command, click.Group):
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            break
        command, words = below, words[1:]
    return command, words


@pytest.mark.parametrize("text", examples("console"))
def test_commands_and_options_shown_in_the_pages_exist(text: str) -> None:
    for shown in SHOWN.findall(text.replace("\\\n", " ")):
        command, words = called(shlex.split(shown))
        assert not isinstance(command, click.Group) or words[0].startswith("-"), shown
        options = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        given = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--"}
        assert given - options - {"--help", "--version"} == set(), shown


def test_commands_are_found_in_the_pages() -> None:
    """The test above would hold of pages in which it finds nothing."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert len([shown for text in texts for shown in SHOWN.findall(text)]) > 25
    with pytest.raises(AssertionError, match="--no-such"):
        test_commands_and_options_shown_in_the_pages_exist("$ avowal verify --no-such x.eml\n")
    with pytest.raises(AssertionError, match="vreify"):
        test_commands_and_options_shown_in_the_pages_exist("$ avowal vreify x.eml\n")


# What a page names in code: modules and what is in them, files of the tree.
NAMED = re.compile(r"`(avowal(?:\.[A-Za-z_]\w*)+)(?:\(.*?\))?`")
FILES = re.compile(r"`((?:src|tests|bench|scripts|packaging|docs)/[\w./-]+\w)(?:::(\w+))?[^`]*`")


def exists(dotted: str) -> bool:
    """Whether a module, or a name in one, exists."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:]:
            found = getattr(found, name, None)
        return found is not None
    return False


OF_TODAY = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which tells what was, too


@pytest.mark.parametrize("page", OF_TODAY, ids=name_of)
def test_modules_names_and_files_that_a_page_mentions_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [name for name in NAMED.findall(text) if not exists(name)] == []
    files = [(ROOT / path, test) for path, test in FILES.findall(text) if "tests/path" not in path]
    assert [str(path) for path, _ in files if not path.exists()] == []
    tests = [
        (path, test)
        for path, test in files
        if test and f"def {test}(" not in path.read_text(encoding="utf-8")
    ]
    assert tests == []


def test_modules_and_names_that_a_docstring_mentions_exist() -> None:
    named = {
        (str(path.relative_to(SOURCES)), name)
        for path in SOURCES.rglob("*.py")
        for name in NAMED.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    unknown = {(path, name) for path, name in named if not exists(name)}
    # names of entry points are no modules; their file has them as texts
    groups = {one for one in unknown if f'"{one[1]}"' in (SOURCES / one[0]).read_text("utf-8")}
    assert unknown - groups == set()


def test_every_page_has_its_place_in_the_contents() -> None:
    """Sphinx refuses a page that no list of contents leads to."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = {
        found.with_suffix("")
        for line in re.findall(r"^[a-z][\w/*-]*$", index, re.MULTILINE)
        for found in (ROOT / "docs").glob(f"{line}.md")
    }
    pages = {page.with_suffix("") for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages - listed == {ROOT / "docs" / "index"}


def test_every_extra_that_a_user_may_want_is_named() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"]) - {"bench", "dependants", "docs", "fuzz", "test"}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = readme.partition("Extras of the package:")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", named)) == extras


# The project speaks of layers, packages and modules.
OF_HOUSES = re.compile(r"\b(?:doors?|houses?|rooms|floors?)\b", re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_speak_of_layers_and_packages(page: Path) -> None:
    text = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    assert OF_HOUSES.findall(text) == []


def test_the_changelog_begins_with_what_is_unreleased_or_with_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] in {"Unreleased", avowal.__version__}
