"""The subset of UCL, rspamd's configuration language, that its module files are written in.

::

    file    = *entry / "{" *entry "}"
    entry   = key *key [ "=" / ":" ] value [ ";" / "," ]    ; a b { } is a { b { } }
    key     = word / string
    value   = "{" *entry "}" / "[" *( value [ "," / ";" ] ) "]" / string / text to the line's end
    string  = DQUOTE *( octet / escape ) DQUOTE / "'" *octet "'"
    comment = "#" to the line's end / "/*" ... "*/"         ; the second kind nests

What would take in other files or values (``.include``, ``<<EOD``) is refused with its line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from avowal.key_imports.key import fault
from avowal.valueclass import value

_MAX_DEPTH = 16  # sections within sections; rspamd's own files have four
_KEY = re.compile(r"[A-Za-z0-9_.*@$/-]+")
_NAMED = re.compile(r"[^\n;,={}\[\]#]+\{")  # a further name of a section
_TEXT = re.compile(r"[^\n;,}\]#]+")
_STRING = re.compile(r'"((?:[^"\\\n]|\\[^\n])*)"|\'((?:[^\'\\\n]|\\[^\n])*)\'')
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_COMMENT = re.compile(r"/\*|\*/")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


class Entry(NamedTuple):
    """One entry of a section: its key, what it says, and the line that its key stands on."""

    key: str
    value: Value
    line: int


@value(kw_only=False)
class Section:
    """The entries of one section in their order; a key may come again."""

    entries: tuple[Entry, ...]

    def all(self, key: str) -> Iterator[Entry]:
        """Yield the entries of a key."""
        return (entry for entry in self.entries if entry.key == key)

    def last(self, key: str) -> Entry | None:
        """Return the entry of a key that counts, which is the last."""
        return next((entry for entry in reversed(self.entries) if entry.key == key), None)


Value: TypeAlias = "str | Section | tuple[Value, ...]"


def parse(text: str, file: str) -> Section:
    """Read a file.  Raises ConfigError with the line."""
    return _Reader(text, file).whole()


class _Reader:
    """Walks over the text once."""

    def __init__(self, text: str, file: str) -> None:
        self._text, self._file, self._at = text, file, 0
        self._starts = [found.end() for found in re.finditer("\n", text)]

    def whole(self) -> Section:
        """Read the file; braces around all of it are those of JSON."""
        if self._next() != "{":
            return self.section(0, "")
        self._at += 1
        section = self.section(0, "}")
        if self._next() != "":
            raise self._fault("something follows the last }")
        return section

    def section(self, depth: int, closing: str) -> Section:
        """Read entries up to a sign, or to the end."""
        entries: list[Entry] = []
        while (sign := self._next()) != closing:
            if sign == "":
                raise self._fault("a section is not closed with }")
            if sign in ";,":
                self._at += 1
                continue
            entries.append(self._entry(depth))
        self._at += len(closing)
        return Section(tuple(entries))

    def _entry(self, depth: int) -> Entry:
        line = self._line()
        key = self._key()
        sign = self._next()
        if sign in ("=", ":"):
            self._at += 1
            return Entry(key, self._value(depth), line)
        if _NAMED.match(self._text, self._at):  # a b { } is a { b { } }
            self._deeper(depth)
            return Entry(key, Section((self._entry(depth + 1),)), line)
        return Entry(key, self._value(depth), line)

    def _value(self, depth: int) -> Value:
        sign = self._next()
        if sign == "{":
            self._deeper(depth)
            self._at += 1
            return self.section(depth + 1, "}")
        if sign == "[":
            self._deeper(depth)
            self._at += 1
            return self._list(depth + 1)
        if sign in ('"', "'"):
            return self._string()
        if self._text.startswith("<<", self._at):
            raise self._fault("a text of several lines (<<) is not read here")
        found = _TEXT.match(self._text, self._at)
        if found is None:
            raise self._fault("a value is missing")
        self._at = found.end()
        return found[0].strip()

    def _list(self, depth: int) -> tuple[Value, ...]:
        values: list[Value] = []
        while (sign := self._next()) != "]":
            if sign == "":
                raise self._fault("a list is not closed with ]")
            if sign in ",;":
                self._at += 1
                continue
            if sign == "}":
                raise self._fault("a list is closed with }")
            values.append(self._value(depth))
        self._at += 1
        return tuple(values)

    def _key(self) -> str:
        sign = self._next()
        if sign in ('"', "'"):
            return self._string()
        found = _KEY.match(self._text, self._at)
        if found is None:
            raise self._fault(f"{sign!r} where a name has to stand")
        if found[0].startswith("."):
            hint = "name the file that it takes in, or take out the line"
            raise fault(self._file, self._line(), f"{found[0]} is not followed here", hint)
        self._at = found.end()
        return found[0]

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if found is None:
            raise self._fault("a string is not closed on its line")
        self._at = found.end()
        if found[1] is None:
            return found[2].replace("\\'", "'")
        return _ESCAPE.sub(_unescaped, found[1])

    def _next(self) -> str:
        """Pass over blanks and comments; return the sign that stands there, "" at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = self._at if blank is None else blank.end()
            if not self._text.startswith("/*", self._at):
                return self._text[self._at : self._at + 1]
            self._comment()

    def _comment(self) -> None:
        depth = 0
        for found in _COMMENT.finditer(self._text, self._at):
            depth += 1 if found[0] == "/*" else -1
            if depth == 0:
                self._at = found.end()
                return
        raise self._fault("a comment is not closed with */")

    def _deeper(self, depth: int) -> None:
        if depth >= _MAX_DEPTH:
            raise self._fault(f"sections deeper than {_MAX_DEPTH}")

    def _line(self) -> int:
        return bisect_right(self._starts, self._at) + 1

    def _fault(self, why: str) -> Exception:
        return fault(self._file, self._line(), why)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is not None:
        return chr(int(found[1], 16))
    return _ESCAPED.get(found[2], found[2])
