#!/usr/bin/env python3
"""Print docs/reference/command.md, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

from avowal.cli import exits
from avowal.cli.commands import COMMANDS, group

INTRODUCTION = """\
# The command

Written by `scripts/command_reference.py`; a test fails when the page is not what it prints.

```text
avowal COMMAND ...
```

Before the command, `--key-service NAME` and `--algorithm NAME` (each may be repeated) put to use
what installed packages bring: [key services](../howto/new-key-service.md),
[algorithms](../howto/new-algorithm.md).

Results go to standard output, complaints to standard error: one line that begins with `avowal:`.
Nothing a stranger wrote reaches the terminal with control characters in it.
"""


def option_row(option: click.Option, context: click.Context) -> str:
    name, meaning = option.get_help_record(context) or ("", "")
    row = f"| `{escaped(name)}` | {escaped(meaning)} |"
    return " ".join(row.split())


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def section(command: click.Command, path: str, level: str = "##") -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"{level} {path}\n"
    for paragraph in (command.help or "").strip().split("\n\n"):
        yield " ".join(paragraph.split()) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from section(inner, f"{path} {name}", "###")
        return
    yield f"```text\n{path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    options = [p for p in command.params if isinstance(p, click.Option)]
    rows = [option_row(option, context) for option in options]
    if rows:
        yield "\n".join(("| option | meaning |", "|---|---|", *rows)) + "\n"


def page() -> str:
    parts = [INTRODUCTION, "## Exit status\n"]
    rows = [f"| {status.value} | {status.meaning} |" for status in exits.ExitStatus]
    parts.append("\n".join(("| status | meaning |", "|---|---|", *rows)) + "\n")
    parts.append(
        "Of several messages the worst decides: 2 before 1 before 4 before 3. Shells report 141 "
        "for a program that\na closed pipe ended; so does avowal.\n"
    )
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        if command is not None:
            parts.extend(section(command, f"avowal {name}"))
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
