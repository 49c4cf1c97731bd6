"""The configuration as text: the reference page, a sample file, and a configuration as TOML.

All of it is made from the model, so that none can say what the program does not do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from textwrap import wrap

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo

from avowal.config.model import Configuration, Key
from avowal.config.redaction import HIDDEN, redacted
from avowal.config.schema import Option, TableDescription, struct_in, tables

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 96

_REFERENCE = """\
# Configuration

One TOML file. Every option has a default; an empty file verifies what comes in and signs nothing.
`avowal config check FILE` finds mistakes without a daemon, `avowal config check --explain FILE`
says what the file will do, `avowal config show --defaults` prints a sample to start from. This page
is made from the same declarations as the program's own checks (`avowal config reference`).

Unknown options are errors, never passed over. Times are whole seconds. Lists of hosts and patterns
for addresses are described where they occur first.
"""


def reference() -> str:
    """Return the reference page, in Markdown."""
    return "\n".join([_REFERENCE, *(_section(table) for table in tables())])


def _section(table: TableDescription) -> str:
    lines = [f"## `{table.heading}`" if table.heading else "## At the top of the file", ""]
    lines += [table.meaning, ""]
    if table.options:
        lines += ["| option | may be | default | meaning |", "|---|---|---|---|"]
        lines += [_row(option) for option in table.options]
        lines.append("")
    return "\n".join(lines)


def _row(option: Option) -> str:
    unit = f" ({option.unit})" if option.unit else ""
    cells = [f"`{option.name}`", option.kind + unit, _default(option), option.meaning]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(option: Option) -> str:
    if option.default is NODEFAULT:
        return "required"
    if option.default is None:
        return "unset"
    return f"`{_value(msgspec.to_builtins(option.default))}`"


def sample() -> str:
    """Return a sample file: every option with its meaning, set to its default, commented out."""
    lines = [
        "# avowal configuration.  Lines like #option = value show the defaults; in tables that",
        "# are commented out as a whole (keys, rules) they are examples.",
    ]
    for table in tables():
        lines += ["", *_sample_table(table)]
    return "\n".join(lines) + "\n"


def _sample_table(table: TableDescription) -> Iterator[str]:
    example = table.heading.startswith("[[") or ".NAME" in table.heading
    if table.heading:
        yield from _comment(table.meaning)
        yield f"#{table.heading}" if example else table.heading
        yield ""
    for option in table.options:
        unit = f" In {option.unit}." if option.unit else ""
        yield from _comment(f"{option.meaning}{unit}")
        default = option.example if option.default in (None, NODEFAULT) else option.default
        if default is None:
            yield f"#{option.name} = # unset"
        else:
            yield f"#{option.name} = {_value(msgspec.to_builtins(default))}"


def _comment(text: str) -> Iterator[str]:
    for line in wrap(text.replace("\n", " "), _WIDTH):
        yield f"# {line}"


def shown(configuration: Configuration) -> str:
    """Return a configuration as TOML for people to see: without keys and passwords in it."""
    keys = {name: _without_inline(key) for name, key in configuration.keys.items()}
    return redacted(toml(msgspec.structs.replace(configuration, keys=keys)))


def _without_inline(key: Key) -> Key:
    return key if key.inline is None else msgspec.structs.replace(key, inline=HIDDEN)


def toml(configuration: Configuration, *, listeners: bool = False) -> str:
    """Return a configuration as TOML, without what is as by default.

    It is whole, keys that stand in it too: `shown` is for people.  With `listeners` these are
    written in any case: an operator looks for the sockets first.
    """
    lines = list(_table(configuration, ()))
    if listeners and configuration.listeners == Configuration().listeners:
        lines += _tables_below(("listeners",), configuration.listeners)
    return "\n".join(lines).strip("\n") + "\n" if lines else ""


def _table(struct: Struct, path: tuple[str, ...]) -> Iterator[str]:
    below: list[tuple[str, object]] = []
    for field in _fields(type(struct)):
        value: object = getattr(struct, field.name)
        default: object = field.default
        if default is NODEFAULT and field.default_factory is not NODEFAULT:
            default = field.default_factory()
        if value == default or value is None:
            continue
        if struct_in(field.type)[1] is None:
            yield f"{field.encode_name} = {_value(msgspec.to_builtins(value))}"
        else:
            below.append((field.encode_name, value))
    for name, value in below:
        yield from _tables_below((*path, name), value)


@cache
def _fields(type_: type[Struct]) -> tuple[FieldInfo, ...]:
    """Return the fields of a table; msgspec works them out anew at each call (2 ms)."""
    return msgspec.structs.fields(type_)


def _tables_below(path: tuple[str, ...], value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, struct in value.items():
            yield from ("", f"[{_dotted((*path, key))}]", *_table(struct, (*path, key)))
    elif isinstance(value, tuple):
        for struct in value:
            yield from ("", f"[[{_dotted(path)}]]", *_table(struct, path))
    elif isinstance(value, Struct):
        inner = list(_table(value, path))
        if inner and inner[0]:  # options of its own, not only tables below
            yield from ("", f"[{_dotted(path)}]")
        yield from inner


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(part if _BARE.fullmatch(part) else _value(part) for part in path)


def _value(value: object) -> str:
    """Write a value as TOML; its basic strings know the escapes of JSON, and DEL needs one."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_dotted((k,))} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
