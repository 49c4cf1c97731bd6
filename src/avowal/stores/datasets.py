"""Data sets as OpenDKIM writes them, from ``file:`` to ``db:``, and ``store:``.

A data set maps keys to values of one or more fields; most are used as mere sets.  The
syntax of the specification says which kind it is (opendkim(8), DATA SETS)::

    csl:a,b,k=v    a list, also without the prefix
    file:PATH      one entry per line: a key, white space, its value; also a bare /PATH
    refile:PATH    the same with patterns for keys, in which * stands for anything
    dsn:URL        a table of a SQL database (`avowal.stores.dsn`)
    mdb:DIRECTORY  an LMDB environment, db:PATH a Berkeley DB file (`avowal.stores.keyed`)
    store:STORE    the keys that sign, of a key store (`avowal.stores.key_set`)

Keys are compared without regard to case.  Fields of a value stand between colons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from avowal import paths
from avowal.errors import StoreError, SyntaxFault
from avowal.stores.patterns import PatternIndex

_MAX_FILE = 256 << 20  # octets; a key table of a million lines has some 100 MB
_SEPARATOR = ":"
_UNREADABLE = {
    "ldap": "export it to a file: or into a SQL database (dsn:)",
    "ldaps": "export it to a file: or into a SQL database (dsn:)",
    "ldapi": "export it to a file: or into a SQL database (dsn:)",
    "lua": "scripts are not run; write the table they compute to a file:",
    "memcache": "use a file: or dsn: data set",
    "erlang": "use a file: or dsn: data set",
    "socket": "use a file: or dsn: data set",
}
KINDS = ("csl", "file", "refile", "dsn", "mdb", "db", "store")


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a set that is held in memory; `line` counts from 1, None in a list."""

    key: str
    value: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class MemorySet:
    """A ``csl:`` or ``file:`` set.  Of entries with equal keys the first counts."""

    name: str
    rows: tuple[Row, ...]
    _index: Mapping[str, Row] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, Row] = {}
        for row in self.rows:
            index.setdefault(row.key.lower(), row)
        object.__setattr__(self, "_index", index)

    def find(self, key: str, fields: int = 1) -> tuple[str, ...] | None:
        """Return the fields of the value of a key, or None for a key that is not there."""
        row = self._index.get(key.lower())
        return None if row is None else split_fields(row.value, fields)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class PatternSet:
    """A ``refile:`` set: its patterns are tried in their order."""

    name: str
    rows: tuple[Row, ...]
    _patterns: PatternIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_patterns", PatternIndex(row.key.lower() for row in self.rows))

    def find(self, key: str, fields: int = 1) -> tuple[str, ...] | None:
        """Return the fields of the first pattern that matches, or None."""
        return next(self.matches(key, fields), None)

    def matches(self, key: str, fields: int = 1) -> Iterator[tuple[str, ...]]:
        """Yield the fields of every pattern that matches, in order."""
        for number in self._patterns.matching(key.lower()):
            yield split_fields(self.rows[number].value, fields)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def kind_of(spec: str) -> tuple[str, str]:
    """Return the kind of a specification and what follows the prefix.  Raises SyntaxFault."""
    prefix, colon, rest = spec.partition(":")
    word = prefix.lower()
    if colon and word in KINDS:
        return word, rest.strip()
    if colon and word in _UNREADABLE:
        raise SyntaxFault(0, f"{word}: data sets are not supported: {_UNREADABLE[word]}")
    if spec.startswith("/"):
        return ("db" if spec.endswith(".db") else "file"), spec
    if colon and word.isalpha() and "," not in prefix and "=" not in prefix:
        raise SyntaxFault(0, f"unknown kind of data set {prefix}:")
    return "csl", spec


def open_text_set(spec: str) -> MemorySet | PatternSet | None:
    """Read a set of the kinds that are held in memory; None for a database.

    Raises SyntaxFault, ConfigError for the contents, StoreError for a file that cannot be read.
    """
    kind, rest = kind_of(spec)
    if kind == "csl":
        # its name is no part of it: a list of keys may hold the keys themselves
        return MemorySet("csl", tuple(_listed(rest)))
    if kind == "file":
        return MemorySet(spec, tuple(_lines(rest)))
    if kind == "refile":
        return PatternSet(spec, tuple(_lines(rest, skip_indented=True)))
    return None


def split_fields(value: str, fields: int) -> tuple[str, ...]:
    """Split a value into at most so many fields; the last takes the rest, colons included."""
    return tuple([part.strip() for part in value.split(_SEPARATOR, fields - 1)])


def _listed(text: str) -> Iterator[Row]:
    for item in text.split(","):
        key, _, value = item.strip().partition("=")
        if key.strip():
            yield Row(key.strip(), value.strip())


def _lines(path: str, *, skip_indented: bool = False) -> Iterator[Row]:
    """Read the rows of a file.  An indented pattern is empty to OpenDKIM, and matches nothing."""
    try:
        octets = paths.read(path, _MAX_FILE)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from None
    for number, line in enumerate(octets.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = line.partition("#")[0].split(None, 1)
        if words and not (skip_indented and line[0].isspace()):
            yield Row(words[0], words[1].strip() if len(words) > 1 else "", number)
