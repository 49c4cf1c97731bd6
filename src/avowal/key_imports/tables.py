"""OpenDKIM's KeyTable and opendkim.conf, and dkimpy-milter.conf, which is a dialect of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from avowal.config.opendkim_conf import OpendkimConf, Setting, read_conf
from avowal.errors import AvowalError, KeyMaterialError
from avowal.key_imports.key import ImportedKey, algorithm_of, fault, name_of
from avowal.keys.opendkim import DataSet, KeyTable, TableKey
from avowal.opendkim import from_dkimpy
from avowal.opendkim.confinement import confined
from avowal.opendkim.translated_sets import author_pattern, first_rows, rows_in
from avowal.stores.datasets import MemorySet, PatternSet, Row, open_text_set

_KEY_OPTIONS = ("keytable", "keyfile", "keytableed25519", "keyfileed25519")
_ED25519 = "ed25519-sha256"
_Options: TypeAlias = tuple[str, str, str, str | None]
# The options of a table, of a single key and of its selector, and the algorithm they are for.
_DKIMPY: tuple[_Options, ...] = (
    ("KeyTable", "KeyFile", "Selector", "rsa-sha256"),
    ("KeyTableEd25519", "KeyFileEd25519", "SelectorEd25519", _ED25519),
)
_OPENDKIM: tuple[_Options, ...] = (("KeyTable", "KeyFile", "Selector", None),)


def is_conf(text: str) -> bool:
    """Whether a text is an opendkim.conf, or a dkimpy-milter.conf, that names keys."""
    return any(word in _KEY_OPTIONS for word in _first_words(text))


def is_table(text: str) -> bool:
    """Whether a text is a KeyTable: rows of a name and ``domain:selector:key``."""
    rows = [line.partition("#")[0].split(None, 1) for line in text.split("\n")]
    filled = [row for row in rows if row]
    return bool(filled) and all(len(row) == 2 and row[1].count(":") >= 2 for row in filled)


def is_signing_table(text: str) -> bool:
    """Whether a text is a SigningTable, which names no keys."""
    rows = [line.partition("#")[0].split() for line in text.split("\n")]
    filled = [row for row in rows if row]
    return bool(filled) and all(len(row) == 2 and "." in row[0] for row in filled)


def read_conf_keys(text: str, file: str) -> tuple[ImportedKey, ...]:
    """Read the keys of a configuration.  Raises ConfigError."""
    words = set(_first_words(text))
    if words & {"keytableed25519", "keyfileed25519"} or "dkimpy" in file.rpartition("/")[2]:
        conf, options = from_dkimpy.read(file), _DKIMPY
    else:
        conf, options = read_conf(file), _OPENDKIM
    found: list[ImportedKey] = []
    for table, key_file, selector, algorithm in options:
        setting = conf.setting(table)
        if setting is not None:
            found += _of_table(conf, setting, algorithm)
        elif not any(conf.setting(other[0]) for other in options):
            found += _single(conf, key_file, selector, algorithm)
    return tuple(found)


def read_table(file: str) -> tuple[ImportedKey, ...]:
    """Read a KeyTable alone.  Raises ConfigError."""
    data = open_text_set(f"file:{file}")
    assert isinstance(data, MemorySet)  # noqa: S101 - of the kind that was asked for
    return tuple(found for row in first_rows(data) for found in _of_row(data, row, file, None))


def _first_words(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        words = line.partition("#")[0].split(None, 1)
        if len(words) == 2:
            yield words[0].lower()


# -- a table -----------------------------------------------------------------------------------


def _of_table(conf: OpendkimConf, setting: Setting, algorithm: str | None) -> Iterator[ImportedKey]:
    data = _opened(setting)
    file, authors = _path_of(setting), _authors(conf)
    for row in first_rows(data):
        for found in _of_row(data, row, file, authors):
            path = None if found.path is None else confined(conf, found.path)
            wanted = algorithm or found.algorithm
            yield replace(found, path=path, algorithm=wanted)


def _of_row(
    data: DataSet, row: Row, file: str, authors: dict[str, list[str]] | None
) -> Iterator[ImportedKey]:
    """Yield the keys of a row: one for each author domain where the row leaves it open."""
    try:
        entry = KeyTable(data).written(row.key)
    except KeyMaterialError as error:
        raise fault(file, row.line, f"{row.key}: {error.why}") from None
    if entry is None:
        return
    if entry.domain != "%":
        yield _key(entry, entry.domain, file, row.line)
        return
    domains = (authors or {}).get(row.key.lower(), [])
    if not domains:
        hint = "name opendkim.conf with its SigningTable, or write the domain instead of %"
        raise fault(file, row.line, f"{row.key} signs for whatever domain the author is of", hint)
    for domain in domains:
        yield _key(entry, domain, file, row.line)


def _key(entry: TableKey, domain: str, file: str, line: int | None) -> ImportedKey:
    path = None if entry.path is None else entry.path.replace("%", domain)
    return ImportedKey(
        domain=name_of("domain", domain, file, line),
        selector=name_of("selector", entry.selector, file, line),
        algorithm=algorithm_of(entry.algorithm, file, line),
        path=path,
        inline=None if entry.inline is None else entry.inline.replace("\\n", "\n"),
        file=file,
        line=line,
    )


def _authors(conf: OpendkimConf) -> dict[str, list[str]]:
    """Return the domains that a SigningTable names, by the name of the key that signs for them."""
    setting = conf.setting("SigningTable")
    data = None if setting is None else _opened(setting)
    found: dict[str, list[str]] = {}
    for row in first_rows(data):
        if author_pattern(row.key, patterned=isinstance(data, PatternSet)) is None:
            continue
        domain = row.key.rpartition("@")[2]
        name = row.value.partition(":")[0].strip().lower()
        if "*" not in domain and domain.strip("."):
            domains = found.setdefault(name, [])
            if domain not in domains and not domain.startswith("."):
                domains.append(domain)
    return found


# -- one key -----------------------------------------------------------------------------------


def _single(
    conf: OpendkimConf, key_file: str, selector: str, algorithm: str | None
) -> Iterator[ImportedKey]:
    path, label, domains = (conf.setting(name) for name in (key_file, selector, "Domain"))
    if path is None:
        return
    line = path.place.line
    if label is None or domains is None:
        raise path.fault(f"there is no {selector if label is None else 'Domain'} for it")
    for row in rows_in(_opened(domains)) or ():
        yield ImportedKey(
            domain=name_of("domain", row.key, domains.place.file, domains.place.line),
            selector=name_of("selector", label.text, label.place.file, label.place.line),
            algorithm=algorithm_of(algorithm, path.place.file, line),
            path=path.text,
            file=path.place.file,
            line=line,
        )


def _opened(setting: Setting) -> MemorySet | PatternSet:
    try:
        data = open_text_set(setting.text)
    except AvowalError as error:
        raise setting.fault(str(error)) from None
    if data is None:
        raise setting.fault("the set is in a database", "export it into a file: set")
    return data


def _path_of(setting: Setting) -> str:
    kind, colon, rest = setting.text.partition(":")
    is_file = bool(colon) and kind.lower() in {"file", "refile"}
    return rest if is_file else setting.text if setting.text.startswith("/") else setting.place.file
