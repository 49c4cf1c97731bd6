"""The options as data: what each is called, may be, is by default, and means.

One walk over the model serves the reference page, the sample file and the hints of errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import FieldInfo

from avowal.config.model import Configuration
from avowal.config.options import Entries


@dataclass(frozen=True, slots=True)
class Option:
    """One option.  `default` is the value; NODEFAULT where the option is required.

    `example` is a value for the sample file, None where none was declared.
    """

    name: str
    kind: str
    unit: str | None
    default: object
    meaning: str
    example: object = None


@dataclass(frozen=True, slots=True)
class TableDescription:
    """One table: `heading` as TOML writes it (``[[signing.rules]]``, ``[keys.NAME]``)."""

    heading: str
    meaning: str
    options: tuple[Option, ...]


@cache
def tables() -> tuple[TableDescription, ...]:
    """Return all tables, the root first, in the order of the model."""
    return tuple(_tables(Configuration, ""))


@cache
def dotted_names() -> tuple[str, ...]:
    """Return the dotted names of all options."""
    return tuple(
        f"{table.heading.strip('[]')}.{option.name}".lstrip(".")
        for table in tables()
        for option in table.options
    )


def entries(annotation: object) -> str | None:
    """Return what was declared of the entries of a list, None where nothing was."""
    found = (_extra(m).get("entries") for m in meta(annotation))
    return next((kind for kind in found if kind is not None), None)


@cache
def lists(kind: Entries) -> tuple[tuple[str, str], ...]:
    """Return table and name of the options that list entries of a kind."""
    return tuple(
        (table.encode_name, field.encode_name)
        for table in msgspec.structs.fields(Configuration)
        for container, inner in (struct_in(table.type),)
        if container is None and inner is not None
        for field in msgspec.structs.fields(inner)
        if entries(field.type) == kind
    )


@cache
def struct_in(annotation: object) -> tuple[type | None, type[Struct] | None]:
    """Find the table in an option's type: itself, or as values of a dict or a tuple."""
    origin: object = get_origin(annotation)
    if origin is Annotated:
        return struct_in(_arguments(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return None, annotation
    if origin is dict:
        return dict, struct_in(_arguments(annotation)[1])[1]
    if origin is tuple:
        return tuple, struct_in(_arguments(annotation)[0])[1]
    return None, None


def option_type(path: str) -> type:
    """Return the type of an option by its dotted name, as `msgspec.convert` takes it."""
    found: type = Configuration
    for name in path.split("."):
        table = struct_in(found)[1] or Configuration
        found = next(f.type for f in msgspec.structs.fields(table) if f.encode_name == name)
    return found


def choices(annotation: object) -> tuple[str, ...]:
    """Return the words an option may have, where it may have no others."""
    if get_origin(annotation) is Literal:
        words: tuple[str, ...] = get_args(annotation)
        return words
    if get_origin(annotation) in {Annotated, Union, UnionType}:
        found = map(choices, _arguments(annotation))
        return next((words for words in found if words), ())
    return ()


def meta(annotation: object) -> Iterator[Meta]:
    """Yield what was declared about an option, outermost first."""
    yield from (m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, Meta))
    if get_origin(annotation) in {Annotated, Union, UnionType}:
        for part in _arguments(annotation):
            yield from meta(part)


def _arguments(annotation: object) -> tuple[object, ...]:
    found: tuple[object, ...] = get_args(annotation)
    return found


def _extra(declared: Meta) -> dict[str, str]:
    return declared.extra or {}


def meaning(field: FieldInfo) -> str:
    """Return the sentence that declares an option."""
    return next((m.description for m in meta(field.type) if m.description), "")


def _tables(type_: type[Struct], name: str) -> Iterator[TableDescription]:
    own: list[Option] = []
    below: list[TableDescription] = []
    for field in msgspec.structs.fields(type_):
        container, inner = struct_in(field.type)
        if inner is None:
            own.append(_option(field))
            continue
        path = f"{name}.{field.encode_name}".lstrip(".")
        below += _tables(inner, f"{path}.NAME" if container is dict else path)
        if container is tuple:
            at = next(i for i, table in enumerate(below) if table.heading == f"[{path}]")
            first = below[at]
            below[at] = TableDescription(f"[{first.heading}]", first.meaning, first.options)
    yield TableDescription(f"[{name}]" if name else "", _doc(type_), tuple(own))
    yield from below


def _option(field: FieldInfo) -> Option:
    default: object = field.default
    if default is NODEFAULT and field.default_factory is not NODEFAULT:
        default = field.default_factory()
    extra = next((_extra(m) for m in meta(field.type) if m.extra), {})
    examples: list[object] = next((m.examples for m in meta(field.type) if m.examples), [None])
    return Option(
        name=field.encode_name,
        kind=kind(field.type),
        unit=extra.get("unit"),
        default=default,
        meaning=meaning(field),
        example=examples[0],
    )


def kind(annotation: object) -> str:
    """Say in words what an option may be."""
    words = choices(annotation)
    if words:
        return ", ".join(f"`{word}`" for word in words)
    bounds = next((m for m in meta(annotation) if m.ge is not None), None)
    base = _base(annotation)
    if base == "number" and bounds is not None:
        return f"number, {bounds.ge} to {bounds.le}" if bounds.le else f"number, from {bounds.ge}"
    return base


def _base(annotation: object) -> str:
    origin: object = get_origin(annotation)
    args = _arguments(annotation)
    if origin is Annotated:
        return _base(args[0])
    if origin in {Union, UnionType}:
        return next(_base(part) for part in args if part is not NoneType)
    if origin is tuple:
        words = choices(args[0])
        if words:
            return "list of " + ", ".join(f"`{word}`" for word in words)
        return f"list of {_base(args[0])}s"
    if origin is dict:
        return f"table of {_base(args[1])}"
    return _KINDS[annotation]


_KINDS: dict[object, str] = {
    bool: "`true` or `false`", int: "number", float: "number", str: "string",
}  # fmt: skip


def _doc(type_: type[Struct]) -> str:
    lines = (type_.__doc__ or "").strip().split("\n")
    return "\n".join(line.strip() for line in lines)
