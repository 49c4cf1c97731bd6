"""Where each key and list entry of a TOML document stands.

`tomllib` reads values without their places.  This walks over a document that tomllib has
accepted, so it may take its form for granted, and notes for each path line and column.
One pass, no recursion deeper than the document nests (tomllib's own limit).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from avowal.config.places import Path, Place

# TOML 1.0: white space, line ends and comments between tokens of arrays and tables.
_SPACE = re.compile(r"[ \t]*")
_FILLER = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_PLAIN_PAIR = re.compile(
    r"([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:\"[^\"\\\n]*\"|'[^'\n]*')[ \t]*(?=[#\n])"
)
_STRINGS = {
    '"""': re.compile(r'"""(?:[^\\"]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    "'''": re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL),
    '"': re.compile(r'"(?:[^\\"\n]|\\.)*"'),
    "'": re.compile(r"'[^'\n]*'"),
}
_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([btnfre"\\]))')
_SIMPLE = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def find_places(text: str, file: str) -> Mapping[Path, Place]:
    """Return the place of every table, key and list entry of a valid TOML document."""
    starts = [0] + [m.end() for m in re.finditer("\n", text)]
    return _Found(file, _Walk(text).offsets(), starts)


@dataclass(frozen=True, slots=True)
class _Found(Mapping[Path, Place]):
    """Places that are worked out when they are asked for: of many thousands few ever are.

    `offsets` are in characters from the start of the document, `starts` those of its lines.
    The document itself, the empty path, is the file.
    """

    file: str
    offsets: dict[Path, int]
    starts: list[int]

    def __getitem__(self, path: Path) -> Place:
        if not path:
            return Place(self.file)
        at = self.offsets[path]
        line = bisect_right(self.starts, at)
        return Place(self.file, line, at - self.starts[line - 1] + 1)

    def __iter__(self) -> Iterator[Path]:
        yield ()
        yield from self.offsets

    def __len__(self) -> int:
        return len(self.offsets) + 1


@dataclass(slots=True)
class _Walk:
    text: str
    at: int = 0
    found: dict[Path, int] = field(default_factory=dict)
    counts: dict[Path, int] = field(default_factory=dict)

    def offsets(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_FILLER)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_FILLER)
        return self.found

    def header(self) -> Path:
        """Read ``[table]`` or ``[[list of tables]]``."""
        start, double = self.at, self.text.startswith("[[", self.at)
        self.at += 1 + double
        self.skip(_SPACE)
        path = self.resolved(self.key())
        self.skip(_SPACE)
        self.at += 1 + double
        if double:
            number = self.counts.get(path, 0)
            self.counts[path] = number + 1
            self.note(path, start)
            path = (*path, number)
        self.note(path, start)
        return path

    def resolved(self, key: Path) -> Path:
        """Insert the number of the last entry wherever a key names a list of tables."""
        path: Path = ()
        for place, part in enumerate(key):
            path = (*path, part)
            if path in self.counts and place < len(key) - 1:
                path = (*path, self.counts[path] - 1)
        return path

    def pair(self, table: Path) -> None:
        start = self.at
        plain = _PLAIN_PAIR.match(self.text, start)
        if plain is not None:  # as nearly every line: thousands of keys have four each
            self.note((*table, plain[1]), start)
            self.at = plain.end()
            return
        key = self.key()
        for length in range(1, len(key) + 1):
            self.note((*table, *key[:length]), start)
        self.skip(_EQUALS)
        self.value((*table, *key))

    def key(self) -> Path:
        parts: list[str | int] = [self.key_part()]
        while (dot := _DOT.match(self.text, self.at)) is not None:
            self.at = dot.end()
            parts.append(self.key_part())
        return tuple(parts)

    def key_part(self) -> str:
        if self.text[self.at] in "\"'":
            quote = self.text[self.at]
            written = self.take(_STRINGS[quote])[1:-1]
            return _ESCAPE.sub(_unescaped, written) if quote == '"' else written
        return self.take(_BARE_KEY)

    def value(self, path: Path) -> None:
        mark = self.text[self.at]
        if mark == "[":
            self.entries(path)
        elif mark == "{":
            self.inline_table(path)
        elif mark in "\"'":
            tripled = mark * 3
            self.take(_STRINGS[tripled if self.text.startswith(tripled, self.at) else mark])
        else:
            self.take(_SCALAR)

    def entries(self, path: Path) -> None:
        self.at += 1
        number = 0
        self.skip(_FILLER)
        while self.text[self.at] != "]":
            self.note((*path, number), self.at)
            self.value((*path, number))
            number += 1
            self.skip(_FILLER)
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        self.skip(_FILLER)
        while self.text[self.at] != "}":
            self.pair(path)
            self.skip(_FILLER)
        self.at += 1

    def note(self, path: Path, at: int) -> None:
        self.found.setdefault(path, at)

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not TOML at {self.at}: tomllib must have accepted it first")
        self.at = match.end()
        return match[0]


def _unescaped(match: re.Match[str]) -> str:
    number = match[1] or match[2]
    return chr(int(number, 16)) if number else _SIMPLE.get(match[3], match[3])
