"""tag=value lists, RFC 6376 §3.2: signatures, key records, and every list that copies them.

The grammar::

    tag-list  = tag-spec *( ";" tag-spec ) [ ";" ]
    tag-spec  = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
    tag-name  = ALPHA *ALNUMPUNC
    tag-value = [ tval *( 1*(WSP / FWS) tval ) ]
    tval      = 1*VALCHAR                      ; %x21-3A / %x3C-7E, and UTF-8 (RFC 8616 §5)

Each tag keeps where its value stands, so that b= is emptied by slicing and a
diagnosis can point at the octet.  What the values mean is left to their owners.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from avowal._fast import base64_octets, no_fold, tag_list, tag_place
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT
from avowal.text import printable

FWS = b" \t\r\n"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FWS_IN = re.compile(rb"[ \t\r\n]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*+")


class Tag(NamedTuple):
    """One tag: `value` without surrounding FWS; octets[start:stop] is all between = and ;."""

    name: str
    value: bytes
    start: int
    stop: int


class TagListFault(SyntaxFault):
    """Octets that are no tag list."""


class TagList:
    """The tags of a list in their order, each name once.

    `values` stand under their names and are not to be changed; where one stands in the octets is
    looked up when somebody asks.
    """

    __slots__ = ("_tags", "octets", "values")

    def __init__(self, octets: bytes, values: dict[str, bytes]) -> None:
        self.octets = octets
        self.values = values
        self._tags: dict[str, Tag] | None = None

    @classmethod
    def parse(cls, octets: bytes, *, most: int = DEFAULT.tags) -> TagList:
        """Read a list of at most `most` tags.  Raises TagListFault.

        Deliberate: FWS is accepted after the final ";" and over several folds,
        which RFC 6376's ABNF lacks and real signers write; and no octets at all are a
        list without tags, so that its reader can say which one is missing.
        """
        try:
            return cls(octets, tag_list(octets, most))
        except ValueError as fault:
            raise TagListFault(*fault.args) from None

    @classmethod
    def salvage(cls, octets: bytes, *, most: int = DEFAULT.tags) -> TagList:
        """Read whatever can be read of a malformed list: for reports, never for decisions.

        The first of several tags of one name is kept.
        """
        values: dict[str, bytes] = {}
        for spec in octets.split(b";", most)[:most]:
            written, equals, value = spec.partition(b"=")
            name = written.strip(FWS).decode("latin-1")
            if equals and _NAME.fullmatch(name) and name not in values:
                values[name] = value.strip(FWS)
        return cls(octets, values)

    @property
    def by_name(self) -> dict[str, Tag]:
        """The tags by their names, made when somebody asks; not to be changed."""
        if self._tags is None:
            self._tags = {
                name: Tag(name, value, *self.place(name)) for name, value in self.values.items()
            }
        return self._tags

    def get(self, name: str) -> bytes | None:
        """Return the value of a tag; None when the tag is absent."""
        return self.values.get(name)

    def tag(self, name: str) -> Tag | None:
        """Return a tag with its position."""
        return self.by_name.get(name)

    def place(self, name: str) -> tuple[int, int]:
        """Return where all between = and ; of a tag begins and ends.  Raises KeyError."""
        return tag_place(self.octets, name)

    def without_value(self, name: str) -> bytes:
        """Return the octets with this tag's value and the FWS around it cut out (§3.7)."""
        start, stop = self.place(name)
        return self.octets[:start] + self.octets[stop:]

    def as_text(self) -> dict[str, str]:
        """Return names and values for people to read."""
        return {name: printable(value) for name, value in self.values.items()}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __iter__(self) -> Iterator[Tag]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TagList):
            return NotImplemented
        return self.octets == other.octets and self.by_name == other.by_name  # in any order

    def __hash__(self) -> int:
        return hash(self.octets)

    def __repr__(self) -> str:
        return f"TagList({self.octets!r})"


def without_fws(value: bytes) -> bytes:
    """Return a value with all white space dropped, as base64string asks (§2.10)."""
    return value.translate(None, FWS)


def base64_string(value: bytes) -> bytes:
    """Decode a base64string, which may hold FWS anywhere and is never empty (§2.10).

    Raises SyntaxFault.
    """
    octets = base64_octets(value)
    if octets:
        return octets
    raise SyntaxFault(0, "empty" if octets == b"" else _why_no_base64(without_fws(value)))


def from_base64(text: bytes) -> bytes:
    """Decode a base64string without its FWS (§2.10); nothing is let through.

    Raises SyntaxFault.
    """
    octets = None if _FWS_IN.search(text) else base64_octets(text)
    if octets is None:
        raise SyntaxFault(0, _why_no_base64(text))
    return octets


def _why_no_base64(text: bytes) -> str:
    """Return the reason in words of our own: those of binascii differ from Python to Python."""
    digits = text.rstrip(b"=")
    if b"=" in digits:
        return "no base64: padding in front of its end"
    if digits.translate(None, _BASE64):
        return "no base64: an octet that is none of its digits"
    if len(text) - len(digits) > -len(digits) % 4:
        return "no base64: more padding than it takes"
    return "no base64: it lacks its end"


def colon_list(value: bytes) -> list[bytes]:
    """Split at colons and drop the FWS around each element (§3.5 h=, §3.6.1 h= s= t=)."""
    return [element.strip(FWS) for element in value.split(b":")]


def first_bare_break(octets: bytes) -> int | None:
    """Return where the first CR or LF stands that is no part of a fold (§2.8 FWS)."""
    place = no_fold(octets)
    return None if place < 0 else place
