r"""Zone files (RFC 1035 §5), as the mapping that `zone.Zone` takes.

Names of any zone may stand together, and fragments such as key tools print are whole: no SOA is
needed.  Entries, names, TTLs and TXT are read here; the data of every other type is left to
dnspython (`rdata`), which takes longer to import than a file of keys to read.  The entries that
fetch or multiply others ($INCLUDE, $GENERATE) are refused.

An entry is a line, or several within parentheses::

    entry  = [owner] *( TTL / "IN" ) type data      ; owner left out: that of the entry before
    owner  = name / "@"                             ; relative to $ORIGIN without a final dot
    string = word / DQUOTE *( octet / "\" octet / "\" 3DIGIT ) DQUOTE
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from avowal.errors import ConfigError
from avowal.lookup import Answer
from avowal.names import MAX_LABEL, MAX_NAME

_DEFAULT_TTL = 3600  # for fragments that have none
_MAX_TTL = 2**31 - 1  # RFC 2181 §8
_MAX_DIGITS = 10
_MAX_STRING = 255  # octets, RFC 1035 §3.3
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PIECE = re.compile(
    r"""(?P<blank>[ \t]++|;[^\n]*+)
    | (?P<end>\n)
    | (?P<open>\()
    | (?P<close>\))
    | "(?P<quoted>[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*)"
    | (?P<word>(?:[^ \t\n;()"\\]++|\\[^\n])+)
    | (?P<stray>.)""",
    re.VERBOSE,
)
_ESCAPE = r"\\(?:([0-9]{3})|([^0-9])|)"  # compiled when the first is met
_RELATIVE = "a relative name without an origin"
_HINTS = (
    (_RELATIVE, "end it with a dot, begin with $ORIGIN example.com., or give --origin example.com"),
    ("string too long", "split the record into strings of at most 255 octets"),
    ("no record type", "a line is: name [TTL] [IN] type data"),
)

Names = dict[str, dict[str, Answer]]


class _Word(NamedTuple):
    """A word or quoted string: as written, and without its quotes."""

    written: str
    text: str


class _Entry(NamedTuple):
    """One entry; `owned` says that it begins with its owner."""

    owned: bool
    words: list[_Word]


def read_zone(text: str, origin: str | None, file: str) -> Names:
    """Read a zone; raises ConfigError with the line on which the faulty entry begins."""
    entries = _Entries(text.replace("\r\n", "\n"))
    try:
        reader = _Reader(None if origin is None else _name(origin, ""))
        for entry in entries:
            reader.take(entry)
    except ValueError as error:
        why = str(error) or "syntax error"
        hint = next((hint for start, hint in _HINTS if start in why), None)
        raise ConfigError(why, file=file, line=entries.line, hint=hint) from None
    return reader.names


class _Entries:
    """Cuts the text into entries; `line` is where the present one begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.line = 1

    def __iter__(self) -> Iterator[_Entry]:
        words: list[_Word] = []
        depth = start = 0
        line = 1
        for found in _PIECE.finditer(self._text + "\n"):
            kind = found.lastgroup or ""
            if kind == "end":
                line += 1
                if depth:
                    continue
                if words:
                    yield _Entry(self._text[start] not in " \t", words)
                words, start, self.line = [], found.end(), line
            elif kind in {"quoted", "word"}:
                words.append(_Word(found[0], found[kind]))
            elif kind == "open":
                depth += 1
            elif kind == "close" and depth:
                depth -= 1
            elif kind != "blank":
                raise ValueError(_STRAY.get(found[0], "an escape without an end"))
        if depth:
            raise ValueError("a parenthesis is not closed")


_STRAY = {'"': "a quoted string is not closed", ")": "a parenthesis was not opened"}


class _Reader:
    """Reads entry by entry into `names`."""

    def __init__(self, origin: str | None) -> None:
        self._origin = origin
        self._owner = origin or ""
        self._ttl = _DEFAULT_TTL
        self.names: Names = {}

    def take(self, entry: _Entry) -> None:
        words = entry.words
        if entry.owned:
            first = words[0]
            if first.written.startswith("$"):
                self._directive(*[word.text for word in words])
                return
            if first.written.startswith('"'):
                raise ValueError(f"no domain name: {first.written}")
            self._owner = _name(first.text, self._origin)
            words = words[1:]
        self._record(words)

    def _directive(self, word: str, *arguments: str) -> None:
        if word.upper() not in {"$ORIGIN", "$TTL"}:
            raise ValueError(f"{word} is not read here")
        if len(arguments) != 1:
            raise ValueError(f"{word} takes one value")
        if word.upper() == "$ORIGIN":
            self._origin = _name(arguments[0], self._origin)
        else:
            self._ttl = _seconds(arguments[0])

    def _record(self, words: list[_Word]) -> None:
        """Read what follows the owner: TTL and class in any order, type, data (§5.1)."""
        ttl = self._ttl
        place = 0
        for word in words[:2]:
            if word.text[:1].isdecimal():
                ttl = _seconds(word.text)
            elif word.text.upper() != "IN":
                break
            place += 1
        if place == len(words):
            raise ValueError("no record type: the line ends before it")
        rrtype, data = words[place].text.upper(), words[place + 1 :]
        if rrtype == "TXT" and not _is_generic(data):
            record = b"".join([_string(word) for word in data])
            if not data:
                raise ValueError("a TXT record needs a string")
        else:
            from avowal.dns.rdata import of_text  # noqa: PLC0415 - loads dnspython

            written = " ".join([word.written for word in data])
            rrtype, record = of_text(rrtype, written, self._origin or "")
        self._add(rrtype, record, ttl)

    def _add(self, rrtype: str, record: bytes, ttl: int) -> None:
        node = self.names.setdefault(self._owner, {})
        known = node.get(rrtype)
        records = known.records if known else ()
        ttl = min(ttl, known.ttl) if known else ttl  # one TTL per set (RFC 2181 §5.2)
        node[rrtype] = Answer.found(*records, record, ttl=ttl)


def _name(written: str, origin: str | None) -> str:
    """Return a complete name in lower case without its final dot, "" for the root."""
    if origin is None and (written == "@" or not written.endswith(".")):
        raise ValueError(f"{written}: {_RELATIVE}")
    origin = origin or ""
    if written == "@":
        return origin
    if "\\" in written or not written.isascii():
        from avowal.dns.rdata import name_of_text  # noqa: PLC0415 - loads dnspython

        return name_of_text(written, origin)
    if written == ".":
        return ""
    if written.endswith(".") or not origin:
        name = written.removesuffix(".")
    else:
        name = f"{written}.{origin}"
    if len(name) > MAX_NAME or not all(0 < len(part) <= MAX_LABEL for part in name.split(".")):
        raise ValueError(f"no domain name: {written}")
    return name.lower()


def _seconds(written: str) -> int:
    """Read a TTL: seconds, or BIND's sums such as 1h30m."""
    seconds, digits = 0, ""
    for character in written.lower() if written.isascii() else "?":
        if character.isdigit() and len(digits) < _MAX_DIGITS:
            digits += character
        elif digits and character in _SECONDS:
            seconds += int(digits) * _SECONDS[character]
            digits = ""
        else:
            raise ValueError(f"no TTL: {written}")
    return min(seconds + int(digits or 0), _MAX_TTL)


def _is_generic(data: list[_Word]) -> bool:
    r"""Whether the data stands in the form for any type, ``\# length hex`` (RFC 3597 §5)."""
    return bool(data) and data[0].written == r"\#"


def _string(word: _Word) -> bytes:
    """Read a character-string, other than ASCII in UTF-8."""
    text = word.text
    octets = text.encode() if "\\" not in text else _unescaped(text)
    if len(octets) > _MAX_STRING:
        raise ValueError("string too long")
    return octets


def _unescaped(text: str) -> bytes:
    made = bytearray()
    place = 0
    for found in re.finditer(_ESCAPE, text):
        made += text[place : found.start()].encode()
        if found[2] is None and not "000" <= (found[1] or "?") <= "255":
            raise ValueError("a backslash needs a number of three digits up to 255 behind it")
        made += found[2].encode() if found[1] is None else bytes((int(found[1]),))
        place = found.end()
    return bytes(made + text[place:].encode())
