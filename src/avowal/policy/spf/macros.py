"""Macro strings (RFC 7208 §7): read once, expanded for each message.

::

    macro-string  = *( macro-expand / macro-literal )
    macro-expand  = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
    macro-literal = %x21-24 / %x26-7E
    transformers  = *DIGIT [ "r" ]
    delimiter     = "." / "-" / "+" / "," / "/" / "_" / "="

Reading judges the syntax (a fault is permerror); what the letters stand for is handed in.
An expansion costs no more than what it is for can hold: a name is made from its right end, and
no further than a name reaches; a text ends at the octets its reader allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from avowal.errors import SyntaxFault
from avowal.names import MAX_NAME

_LITERAL = re.compile(r"[!-$&-~]++")
_SPACED_LITERAL = re.compile(r"[ !-$&-~]++")  # explain-string = *( macro-string / SP )
_EXPAND = re.compile(r"%\{([A-Za-z])([0-9]*+)(r?)([.+,/_=-]*+)\}", re.IGNORECASE)
_ESCAPES = {"%%": "%", "%_": " ", "%-": "%20"}
_LETTERS = frozenset("slodiphv")
_EXPLANATION_LETTERS = _LETTERS | frozenset("crt")  # RFC 7208 §7.2
_MOST_MACROS = 16  # in one term or explanation; the longest in the field have five
_MOST_PARTS = 128  # RFC 7208 §7.3: "at least 128"; a name has no more labels
_TOP_LABEL = re.compile(  # RFC 7208 §7.1: not digits alone
    r"(?![0-9]++\Z)[A-Za-z0-9]++|[A-Za-z0-9]++-[A-Za-z0-9-]*+(?<=[A-Za-z0-9])"
)
_CUT = "\0"  # stands for the delimiters of a macro; no address holds it
_UNRESERVED = re.compile(r"[^A-Za-z0-9._~-]")  # RFC 3986 §2.3

Letters: TypeAlias = Callable[[str], str]


class SpfSyntaxFault(SyntaxFault):
    """A record, term or macro string that RFC 7208's grammar does not know."""


class Macro(NamedTuple):
    """One macro: its letter, how many parts from the right (0 for all), and how to cut."""

    letter: str
    parts: int
    reverse: bool
    delimiters: str
    escape: bool  # an upper-case letter: URL-escaped (RFC 7208 §7.3)

    def expand(self, letters: Letters) -> str:
        """Return what the macro stands for."""
        value = letters(self.letter)
        if self.parts or self.reverse or self.delimiters:
            cuts = dict.fromkeys(map(ord, self.delimiters or "."), _CUT)
            pieces = value.translate(cuts).split(_CUT)
            if self.reverse:
                pieces.reverse()
            value = ".".join(pieces[-self.parts :] if self.parts else pieces)
        if self.escape:
            value = _UNRESERVED.sub(_percent, value)
        return value


class MacroString(NamedTuple):
    """A macro string: literal text and macros in turn."""

    text: str
    parts: tuple[str | Macro, ...]

    @property
    def letters(self) -> frozenset[str]:
        """The letters of the macros in it."""
        return frozenset(part.letter for part in self.parts if isinstance(part, Macro))

    def expand(self, letters: Letters, most: int) -> str | None:
        """Return the text with every macro replaced; `letters` gives each one's value.

        None where it takes more than `most` characters.
        """
        made = _joined(self.parts, letters, most)
        return None if sum(map(len, made)) > most else "".join(made)

    def expand_name(self, letters: Letters) -> str:
        """Return the domain name it stands for, cut from the left to what DNS takes (§7.3)."""
        # What stands further left than a name reaches, its final dot and the dot before it,
        # is cut whatever it is.
        made = _joined(self.parts[::-1], letters, MAX_NAME + 2)
        name = "".join(made[::-1]).removesuffix(".")
        if len(name) <= MAX_NAME:
            return name
        dot = name.find(".", len(name) - MAX_NAME - 1)
        return name[dot + 1 :] if dot >= 0 else ""


def _joined(parts: tuple[str | Macro, ...], letters: Letters, enough: int) -> list[str]:
    """Expand parts in turn until there are more than `enough` characters; equal ones once."""
    known: dict[Macro, str] = {}
    made: list[str] = []
    size = 0
    for part in parts:
        if isinstance(part, str):
            text = part
        else:
            if part not in known:
                known[part] = part.expand(letters)
            text = known[part]
        made.append(text)
        size += len(text)
        if size > enough:
            break
    return made


def macro_string(text: str, *, explanation: bool = False) -> MacroString:
    """Read a macro string, or the explain-string of §6.2.  Raises SpfSyntaxFault."""
    literal = _SPACED_LITERAL if explanation else _LITERAL
    allowed = _EXPLANATION_LETTERS if explanation else _LETTERS
    parts: list[str | Macro] = []
    at = macros = 0
    while at < len(text):
        found = literal.match(text, at)
        if found is not None:
            parts.append(found[0])
            at = found.end()
        elif text[at : at + 2] in _ESCAPES:
            parts.append(_ESCAPES[text[at : at + 2]])
            at += 2
        else:
            found = _EXPAND.match(text, at)
            if found is None:
                raise SpfSyntaxFault(at, "neither a macro nor a character allowed here")
            macro = _macro(found[0])
            if macro.letter not in allowed:
                raise SpfSyntaxFault(at, f"no macro {found[1]} here")
            if macro.parts < 0:
                raise SpfSyntaxFault(at, "a macro of 0 parts")  # RFC 7208 §7.1
            parts.append(macro)
            macros += 1
            if macros > _MOST_MACROS:
                raise SpfSyntaxFault(at, f"more than {_MOST_MACROS} macros")
            at = found.end()
    return MacroString(text, tuple(parts))


def domain_spec(text: str) -> MacroString:
    """Read ``macro-string domain-end`` (RFC 7208 §7.1).  Raises SpfSyntaxFault."""
    read = macro_string(text)
    if not read.parts:
        raise SpfSyntaxFault(0, "an empty domain")
    if not isinstance(read.parts[-1], Macro) and not _ends_in_domain(text):
        raise SpfSyntaxFault(len(text), "a domain ends in a top-level label or a macro")
    return read


@lru_cache(maxsize=1024)
def _macro(text: str) -> Macro:
    """Read what `_EXPAND` matches; a count of 0 becomes -1."""
    found = _EXPAND.fullmatch(text)
    assert found is not None  # noqa: S101 - it is what the expression matched
    letter, digits, reverse, delimiters = found.groups()
    parts = (min(int(digits[:9]), _MOST_PARTS) or -1) if digits else 0
    cuts = "".join(sorted(set(delimiters)))  # their order and number mean nothing
    return Macro(letter.lower(), parts, bool(reverse), cuts, letter.isupper())


def _ends_in_domain(text: str) -> bool:
    """``domain-end = ( "." toplabel [ "." ] ) / macro-expand`` (RFC 7208 §7.1)."""
    _, dot, label = text.removesuffix(".").rpartition(".")
    return bool(dot) and _TOP_LABEL.fullmatch(label) is not None


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in found[0].encode())
