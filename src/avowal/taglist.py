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

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from avowal._fast import no_fold, tag_list
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT
from avowal.text import printable

FWS = b" \t\r\n"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TOO_MUCH_PADDING = "more padding than it takes"

_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*+")


class Tag(NamedTuple):
    """One tag: `value` without surrounding FWS; octets[start:stop] is all between = and ;."""

    name: str
    value: bytes
    start: int
    stop: int


class TagListFault(SyntaxFault):
    """Octets that are no tag list."""


class TagList:
    """The tags of a list in their order, each name once."""

    __slots__ = ("by_name", "octets")

    def __init__(self, octets: bytes, tags: dict[str, Tag]) -> None:
        self.octets = octets
        self.by_name = tags
        """The tags by their names, in their order; not to be changed."""

    @classmethod
    def parse(cls, octets: bytes, *, most: int = DEFAULT.tags) -> TagList:
        """Read a list of at most `most` tags.  Raises TagListFault.

        Deliberate: FWS is accepted after the final ";" and over several folds,
        which RFC 6376's ABNF lacks and real signers write; and no octets at all are a
        list without tags, so that its reader can say which one is missing.
        """
        try:
            return cls(octets, tag_list(octets, most, Tag))
        except ValueError as fault:
            raise TagListFault(*fault.args) from None

    @classmethod
    def salvage(cls, octets: bytes, *, most: int = DEFAULT.tags) -> TagList:
        """Read whatever can be read of a malformed list: for reports, never for decisions.

        The first of several tags of one name is kept.
        """
        tags: dict[str, Tag] = {}
        stop = -1
        for spec in octets.split(b";", most)[:most]:
            start = stop + 1
            stop = start + len(spec)
            written, equals, value = spec.partition(b"=")
            name = written.strip(FWS)
            if equals and _NAME.fullmatch(name):
                tag = Tag(name.decode(), value.strip(FWS), start + len(written) + 1, stop)
                tags.setdefault(tag.name, tag)
        return cls(octets, tags)

    def get(self, name: str) -> bytes | None:
        """Return the value of a tag; None when the tag is absent."""
        tag = self.by_name.get(name)
        return None if tag is None else tag.value

    def tag(self, name: str) -> Tag | None:
        """Return a tag with its position."""
        return self.by_name.get(name)

    def without_value(self, name: str) -> bytes:
        """Return the octets with this tag's value and the FWS around it cut out (§3.7)."""
        tag = self.by_name[name]
        return self.octets[: tag.start] + self.octets[tag.stop :]

    def as_text(self) -> dict[str, str]:
        """Return names and values for people to read."""
        return {name: printable(tag.value) for name, tag in self.by_name.items()}

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def __iter__(self) -> Iterator[Tag]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.by_name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TagList):
            return NotImplemented
        return self.octets == other.octets and self.by_name == other.by_name

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
    octets = from_base64(value.translate(None, FWS))
    if not octets:
        raise SyntaxFault(0, "empty")
    return octets


def from_base64(text: bytes) -> bytes:
    """Decode a base64string without its FWS (§2.10); nothing is let through.

    Raises SyntaxFault.
    """
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise SyntaxFault(0, f"no base64: {_why_no_base64(text)}") from None
    if len(text) != (len(octets) + 2) // 3 * 4:
        raise SyntaxFault(0, f"no base64: {_TOO_MUCH_PADDING}")
    return octets


def _why_no_base64(text: bytes) -> str:
    """Return the reason in words of our own: those of binascii differ from Python to Python."""
    digits = text.rstrip(b"=")
    if b"=" in digits:
        return "padding in front of its end"
    if digits.translate(None, _BASE64):
        return "an octet that is none of its digits"
    return _TOO_MUCH_PADDING if len(text) - len(digits) > -len(digits) % 4 else "it lacks its end"


def colon_list(value: bytes) -> list[bytes]:
    """Split at colons and drop the FWS around each element (§3.5 h=, §3.6.1 h= s= t=)."""
    return [element.strip(FWS) for element in value.split(b":")]


def first_bare_break(octets: bytes) -> int | None:
    """Return where the first CR or LF stands that is no part of a fold (§2.8 FWS)."""
    place = no_fold(octets)
    return None if place < 0 else place
