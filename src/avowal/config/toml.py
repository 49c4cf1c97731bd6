"""Reading the configuration from TOML; each mistake comes with file, line, column and key.

`parse` tells all mistakes at once.  It checks form, names, types and ranges; what options
mean together is for `avowal.flow.compiler`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo

from avowal import paths
from avowal.config.mistakes import Collector, closest
from avowal.config.model import Configuration
from avowal.config.places import Path, Places
from avowal.config.positions import find_places
from avowal.config.schema import choices, dotted_names, meaning, struct_in
from avowal.errors import ConfigError

MAX_OCTETS = 16 << 20  # of a configuration file; a signing table of 100,000 rows has 8 MB
_AT = re.compile(
    r"(?P<why>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
_IN_LIST = re.compile(r" - at `\$(?:\[(\d+)\])?.*`$")
_NUL = re.compile(r"\\(?:u0000|U00000000)")  # TOML 1.0: the only way to write one
_TYPES = re.compile(r"`(\w+(?: \| \w+)*)`")
_WORDS = {
    "int": "a whole number", "str": "text in quotes", "bool": "true or false",
    "float": "a number with a point", "array": "a list", "object": "a table",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and where its options were set."""

    configuration: Configuration
    places: Places


def read(path: str | FilePath) -> Loaded:
    """Read a configuration file.  Raises ConfigError (`Mistakes` when there are several)."""
    file = str(path)
    try:
        octets = paths.read(file, MAX_OCTETS)
    except FileNotFoundError as error:
        hint = "name yours by --config, or begin one with `avowal config show --defaults`"
        raise ConfigError(error.strerror or str(error), file=file, hint=hint) from None
    except OSError as error:
        raise ConfigError(error.strerror or str(error), file=file) from None
    return parse(octets, file=file)


def parse(octets: bytes, *, file: str = "avowal.toml") -> Loaded:
    """Read a configuration from the octets of a file.  Raises ConfigError."""
    text = _decoded(octets, file)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _toml_error(error, text, file) from None
    except RecursionError:
        raise ConfigError("lists or tables are nested too deeply", file=file) from None
    except ValueError:
        raise ConfigError("a number has too many digits", file=file) from None
    places = Places(find_places(text, file))
    try:
        configuration = msgspec.convert(document, Configuration)
    except msgspec.ValidationError:
        configuration = None  # it tells the first mistake, and not where
    if configuration is None or _NUL.search(text):
        mistakes = Collector(places)
        _check_table(Configuration, document, (), mistakes)
        mistakes.raise_any()
    assert configuration is not None  # noqa: S101 - what is no configuration has mistakes
    return Loaded(configuration, places)


def _decoded(octets: bytes, file: str) -> str:
    try:
        return octets.removeprefix(b"\xef\xbb\xbf").decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8", file=file, line=line, hint="save it as UTF-8") from None


_TWICE = ("cannot declare", "cannot overwrite", "cannot mutate")  # tomllib's words


def _toml_error(error: tomllib.TOMLDecodeError, text: str, file: str) -> ConfigError:
    match = _AT.fullmatch(str(error))
    if match is None:
        return ConfigError(str(error), file=file)
    line = int(match["line"]) if match["line"] else text.count("\n") + 1
    column = int(match["column"]) if match["column"] else None
    why = match["why"][:1].lower() + match["why"][1:]
    written = text.split("\n")[line - 1].strip()
    key, hint = None, _toml_hint(written)
    if why.startswith(_TWICE):
        key = written.partition("=")[0].strip("[] ")
        why, hint = "it is there twice", "leave one of them"
    return ConfigError(why, file=file, line=line, column=column, key=key, hint=hint)


def _toml_hint(written: str) -> str | None:
    """Say what usually is wrong with such a line."""
    if re.match(r"[A-Za-z-]+\s+[^=\s]", written):
        return "this is no TOML; if it is an opendkim.conf, see avowal config from-opendkim"
    if re.match(r"[\w.]+\s*=\s*[^\s\"'\[{\d]", written):
        return "text stands in quotes"
    return None


def _check_table(type_: type[Struct], value: object, path: Path, mistakes: Collector) -> None:
    if not isinstance(value, dict):
        mistakes.add(path, f"expected a table, not {_kind(value)}")
        return
    known = _options_of(type_)
    for name, inner in value.items():
        field = known.get(name)
        if field is None:
            mistakes.add((*path, name), "there is no such option", _hint(name, path, known))
        else:
            _check_option(field, inner, (*path, name), mistakes)
    for name, field in known.items():
        if field.required and name not in value:
            mistakes.add(path, f"{name} is missing", meaning(field).rstrip(".") or None)


@cache
def _options_of(type_: type[Any]) -> dict[str, FieldInfo]:
    """Return the options of a table by name: once, for there may be thousands of tables."""
    return {field.encode_name: field for field in msgspec.structs.fields(type_)}


def _hint(name: str, path: Path, known: dict[str, FieldInfo]) -> str:
    """Name the option that was meant: one of that name elsewhere, or one alike here."""
    elsewhere = [dotted for dotted in dotted_names() if dotted.rpartition(".")[2] == name]
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere[:3])}?"
    near = closest(name, known)
    if near is not None:
        return near
    return f"known here: {', '.join(known)}" if path else "see avowal config reference"


def _check_option(field: FieldInfo, value: object, path: Path, mistakes: Collector) -> None:
    container, inner = struct_in(field.type)
    if inner is None:
        _check_leaf(field, value, path, mistakes)
    elif container is dict and isinstance(value, dict):
        for name, entry in value.items():
            _check_table(inner, entry, (*path, name), mistakes)
    elif container is tuple and isinstance(value, list):
        for number, entry in enumerate(value):
            _check_table(inner, entry, (*path, number), mistakes)
    elif container is tuple:
        double = ".".join(map(str, path))
        hint = f"write [[{double}]] in front of each" if isinstance(value, dict) else None
        mistakes.add(path, f"expected a list of tables, not {_kind(value)}", hint)
    else:
        _check_table(inner, value, path, mistakes)


def _check_leaf(field: FieldInfo, value: object, path: Path, mistakes: Collector) -> None:
    for place, text in _texts(value, path):
        if "\0" in text:
            mistakes.add(place, "there is a NUL in the text", "take \\u0000 out")
            return
    try:
        msgspec.convert(value, field.type)
    except msgspec.ValidationError as error:
        text = str(error)
        where = _IN_LIST.search(text)
        if where is not None:
            text = text[: where.start()]
            path = (*path, int(where[1])) if where[1] else path
        words = choices(field.type)
        if words and isinstance(value, str):
            why = f"{value!r} is none of {', '.join(words)}"
            mistakes.add(path, why, closest(value, words))
            return
        text = _TYPES.sub(_in_words, text)
        mistakes.add(path, text[:1].lower() + text[1:], meaning(field).rstrip(".") or None)


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each text in a value with its path; `tomllib` bounds how deep lists nest."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list | dict):
        entries = enumerate(value) if isinstance(value, list) else value.items()
        for name, inner in entries:
            yield from _texts(inner, (*path, name))


def _in_words(types: re.Match[str]) -> str:
    """Say ``int | null`` as operators would; TOML has no null."""
    return " or ".join(_WORDS.get(name, name) for name in types[1].split(" | ") if name != "null")


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", str: "text", list: "a list", dict: "a table"}
    return kinds.get(type(value), type(value).__name__)
