"""The charter's documents: what they name exists, and what they must hold they hold."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from avowal.cli.commands import COMMANDS, group

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = ("threats.md", "without-dkim.md", "overview.md", "design/charter.md", "howto/deploy.md")
TEXTS = {name: (DOCS / name).read_text(encoding="utf-8") for name in PAGES}
TEST = re.compile(r"`(?:tests/)?((?:[\w.]+/)*test_\w+\.py)(?:::(\w+))?`")
COMMAND = re.compile(r"(?:`|^\$ )avowal ([a-z-]+)(?: ([a-z][a-z-]*))?", re.MULTILINE)
sys.path.insert(0, str(ROOT / "scripts"))
import overview_diagrams  # noqa: E402 - a script, found by the line above


def named_tests() -> Iterator[object]:
    for page, text in TEXTS.items():
        for file, name in sorted(set(TEST.findall(text))):
            yield pytest.param(file, name, id=f"{page}-{file}-{name}")


@pytest.mark.parametrize(("file", "name"), tuple(named_tests()))
def test_a_test_that_a_page_names_exists(file: str, name: str) -> None:
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^ *(?:async )?def {name}\(", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_a_command_that_a_page_names_exists(page: str) -> None:
    context = click.Context(group)
    for name, second in COMMAND.findall(TEXTS[page]):
        assert name in COMMANDS, name
        command = group.get_command(context, name)
        if isinstance(command, click.Group) and second:
            assert command.get_command(context, second) is not None, (name, second)


# RFC 4686 §4.1.1 to §4.1.18, §4.2.1 to §4.2.6, §4.3.1.
ATTACKS = [
    *(f"4.1.{number}" for number in range(1, 19)),
    *(f"4.2.{number}" for number in range(1, 7)),
    "4.3.1",
]


def test_every_attack_of_rfc_4686_stands_on_the_page() -> None:
    assert re.findall(r"^\| (4\.\d\.\d+) \|", TEXTS["threats.md"], re.MULTILINE) == ATTACKS


def test_every_attack_has_an_answer_and_a_test() -> None:
    rows = re.findall(r"^\| (4\.\d\.\d+) \|(.*)\|$", TEXTS["threats.md"], re.MULTILINE)
    for number, rest in rows:
        _, _, answer, shown, _ = (cell.strip() for cell in rest.split(" | "))
        assert len(answer) > 20, number
        assert TEST.search(shown), number


def test_the_overview_has_every_part() -> None:
    """What the charter asks of it: fitting in, other signatures, migration, uses, extensions."""
    headings = set(re.findall(r"^## (.+)$", TEXTS["overview.md"], re.MULTILINE))
    assert headings >= {
        "Where it fits", "Beside S/MIME and OpenPGP", "Migration", "What it is used for",
        "What can be extended",
    }  # fmt: skip


@pytest.mark.parametrize("name", tuple(overview_diagrams.drawings()))
def test_the_diagrams_are_what_the_script_draws(name: str) -> None:
    kept = (overview_diagrams.FOLDER / name).read_text(encoding="utf-8")
    assert kept == overview_diagrams.drawings()[name]
    assert f"(diagrams/{name})" in TEXTS["overview.md"]


def test_every_page_of_the_charter_is_in_the_table() -> None:
    table = TEXTS["design/charter.md"]
    for page in ("threats.md", "without-dkim.md", "overview.md", "howto/deploy.md"):
        assert f"(../{page})" in table
