"""docs/reference/command.md names every command, option and exit status, and no others."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from avowal.cli import exits
from avowal.cli.commands import COMMANDS, group

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "command.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^###? (avowal .+)\n((?:.*\n)*?)(?=^##|\Z)", PAGE, re.MULTILINE))


def commands(
    command: click.Command, path: str, context: click.Context
) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}", context)


CONTEXT = click.Context(group)
FOUND = [
    entry
    for name in COMMANDS
    if (command := group.get_command(CONTEXT, name)) is not None
    for entry in commands(command, f"avowal {name}", CONTEXT)
]


@pytest.mark.parametrize(("path", "command"), FOUND, ids=[path for path, _ in FOUND])
def test_the_page_names_every_option(path: str, command: click.Command) -> None:
    assert path in SECTIONS, "run scripts/command_reference.py > docs/reference/command.md"
    options = {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
    }
    rows = re.findall(r"^\| `(.+?)` \|", SECTIONS[path], re.MULTILINE)
    assert {
        word for row in rows for word in re.findall(r"(?<![\w-])--?[a-z][\w-]*", row)
    } == options


def test_the_page_is_what_its_script_prints() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "command_reference.py"))["page"]
    assert page() == PAGE, "run scripts/command_reference.py > docs/reference/command.md"


def test_the_page_names_no_command_that_is_not_there() -> None:
    assert set(SECTIONS) == {path for path, _ in FOUND}


def test_the_page_names_every_status() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", PAGE, re.MULTILINE)
    assert [(int(code), meaning) for code, meaning in rows] == [
        (status.value, status.meaning) for status in exits.ExitStatus
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described(name: str) -> None:
    command = group.get_command(CONTEXT, name)
    assert command is not None
    assert command.help
    assert all(p.help for p in command.params if isinstance(p, click.Option))
