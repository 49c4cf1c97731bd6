"""ReplaceRules: what the MTA will change in fields after signing, changed beforehand.

The signature is made over the changed fields; the message itself stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from avowal import paths
from avowal.errors import ConfigError, StoreError
from avowal.message import Field, Header

# POSIX character classes, as Python spells them inside brackets
_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "digit": "0-9", "lower": "a-z",
    "space": r" \t\r\n\f\v", "upper": "A-Z", "xdigit": "0-9A-Fa-f", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip
_CLASS = re.compile(r"\[:([a-z]+):\]")
_BRACKET = re.compile(r"\[(\^?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]")
_OPERATORS = frozenset((r"\(", r"\)", r"\{", r"\}", r"\+", r"\?", r"\|"))
_MAX_FILE = 1 << 20  # octets


@dataclass(frozen=True, slots=True)
class Replacer:
    """Rules in their order, and the lower-cased names they are for (empty: all)."""

    rules: tuple[tuple[re.Pattern[bytes], bytes], ...]
    names: frozenset[bytes]

    @classmethod
    def load(cls, path: str, names: Collection[bytes] = ()) -> Replacer:
        """Read a file of lines ``REGEX TAB TEXT``.  Raises ConfigError, StoreError."""
        try:
            text = paths.read(path, _MAX_FILE)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from None
        rules = []
        for number, line in enumerate(text.split(b"\n"), 1):
            rule = line.partition(b"#")[0].rstrip(b" \r")
            if not rule.strip():
                continue
            pattern, tab, replacement = rule.partition(b"\t")
            if not tab:
                raise ConfigError("no tab between pattern and text", file=path, line=number)
            rules.append((_pattern(pattern, path, number), replacement.lstrip(b"\t")))
        return cls(tuple(rules), frozenset(names))

    def header(self, header: Header) -> Header:
        """Return the header as the MTA will leave it."""
        return Header.of((self._field(field) for field in header), beyond=header.beyond)

    def _field(self, field: Field) -> Field:
        if field.colon < 0 or (self.names and field.name not in self.names):
            return field
        value = field.value
        for pattern, replacement in self.rules:
            value = _replaced(pattern, replacement, value)
        return Field(field.raw[: field.colon + 1] + value, field.colon)


def _pattern(octets: bytes, path: str, line: int) -> re.Pattern[bytes]:
    try:
        return re.compile(_from_basic(octets.decode("latin-1")).encode("latin-1"))
    except re.error as error:
        raise ConfigError(f"no regular expression: {error}", file=path, line=line) from None


def _from_basic(pattern: str) -> str:
    """Translate a basic regular expression (POSIX XBD 9.3): ``\\( \\) \\{ \\}`` are the operators.

    GNU's ``\\+ \\? \\|`` count as well.
    """
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        bracket = _BRACKET.match(pattern, at)
        pair = pattern[at : at + 2]
        if bracket is not None:
            inside = _CLASS.sub(lambda m: _CLASSES.get(m[1], m[0]), bracket[2])
            literal = inside.replace("\\", "\\\\") if "[:" not in bracket[2] else inside
            parts.append(f"[{bracket[1]}{literal.replace('[', chr(92) + '[')}]")
            at = bracket.end()
        elif pair in _OPERATORS:
            parts.append(pair[1])
            at += 2
        elif pair[0] == "\\" and len(pair) == 2:
            parts.append(pair if pair[1].isdigit() else re.escape(pair[1]))
            at += 2
        else:
            special = pair[0] in ".^$" or (pair[0] == "*" and parts and parts[-1] != "(")
            parts.append(pair[0] if special else re.escape(pair[0]))
            at += 1
    return "".join(parts)


def _replaced(pattern: re.Pattern[bytes], replacement: bytes, value: bytes) -> bytes:
    """Replace every match, in one pass; the text is taken as it is, without references."""
    return pattern.sub(lambda _: replacement, value)
