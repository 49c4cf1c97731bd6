"""The command lines that are read without click mean what click reads."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from avowal.cli import plain
from avowal.cli.commands import group
from avowal.cli.verification import verify
from avowal.cli.verify import command

WORDS = st.sampled_from(
    ["--zone", "z", "--zone=z", "-", "--", "-z", "--json", "--zon", "-h", "a.eml", "", "é", "--at"]
)


def by_click(arguments: list[str]) -> dict[str, object]:
    return command.make_context("verify", list(arguments)).params


PLAIN = st.permutations([["a.eml"], ["-"], ["é"], [""], ["--zone", "z"], ["z"]])


@given(st.tuples(PLAIN, st.integers(1, 6)))
def test_click_reads_the_same(made: tuple[list[list[str]], int]) -> None:
    arguments = [word for words in made[0][: made[1]] for word in words]
    assume(arguments != ["--zone", "z"])  # no source
    found = plain.sources_and_zone(arguments)
    assert found is not None
    sources, zone = found
    expected = by_click(["a"]) | {"paths": sources, "zone": zone}
    assert expected["now"] is None  # the present, as where click is not asked
    assert by_click(arguments) == expected


@given(st.lists(WORDS, max_size=5))
def test_nothing_is_read_otherwise_than_by_click(arguments: list[str]) -> None:
    found = plain.sources_and_zone(arguments)
    read = None if found is None else by_click(arguments)
    assert found is None or (read is not None and (read["paths"], read["zone"]) == found)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["a.eml"], id="a-source"),
        pytest.param(["a.eml", "b.eml", "-"], id="several"),
        pytest.param(["a.eml", "--zone", "z"], id="a-zone-behind"),
        pytest.param(["--zone", "z", "a.eml"], id="a-zone-before"),
    ],
)
def test_what_people_write_most_needs_no_click(arguments: list[str]) -> None:
    assert plain.read(["verify", *arguments]) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["verify"],
        ["verify", "a", "--zone"],
        ["verify", "a", "--json"],
        ["--version", "x"],
        ["-h"],
    ],
)
def test_the_rest_is_left_to_click(arguments: list[str]) -> None:
    assert plain.read(arguments) is None


@pytest.mark.parametrize("name", ["profile", "as_json", "line_ends", "jobs"])
def test_the_defaults_are_those_of_the_options(name: str) -> None:
    assert by_click(["a"])[name] == inspect.signature(verify).parameters[name].default


def test_both_tell_the_same_version(capsys: pytest.CaptureFixture[str]) -> None:
    told = plain.read(["--version"])
    assert told is not None
    assert told() == 0
    with pytest.raises(click.exceptions.Exit):
        group.make_context("avowal", ["--version"])
    ours, clicks = capsys.readouterr().out.splitlines()
    assert ours == clicks


def test_the_package_costs_next_to_nothing_to_import() -> None:
    code = "import sys; before = set(sys.modules); import avowal; print(*set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= {"avowal", "__future__"}


def test_a_plain_command_loads_neither_click_nor_dnspython() -> None:
    code = (
        "import sys; from avowal.cli import main\n"
        "sys.argv = ['avowal', 'verify', 'no', '--zone', 'no']\n"
        "try: main()\n"
        "finally: print(*{'click', 'dns', 'msgspec', 'rich', 'pathlib'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (2, "")


def paths_of_commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    yield list(path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context := click.Context(command)):
            if (below := command.get_command(context, name)) is not None:
                yield from paths_of_commands(below, (*path, name))


# Their options come from the tables of keys, forms and algorithms.
NEED_TABLES = frozenset({"key", "canon", "demo"})


def test_the_help_of_a_command_does_not_load_what_it_works_with() -> None:
    """Nor does an argument that is wrong: `cryptography` alone takes longer than all the rest."""
    asked = [path for path in paths_of_commands(group) if not NEED_TABLES.intersection(path)]
    assert len(asked) > 15
    code = (
        "import contextlib, io, sys; from avowal.cli.commands import run\n"
        f"for path in {asked}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()): run([*path, '--help'])\n"
        "    found = {'cryptography', 'dns', 'sqlalchemy'} & set(sys.modules)\n"
        "    if found: sys.exit(f'{path}: {found}')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
