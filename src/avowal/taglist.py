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

from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT

FWS = b" \t\r\n"

# Possessive and non-overlapping classes: no backtracking over a stranger's octets.
_SPEC = re.compile(rb"[ \t\r\n]*+([A-Za-z][A-Za-z0-9_]*+)[ \t\r\n]*+=([^;]*+)")
_VALUE_OCTETS = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100)) + FWS


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

    __slots__ = ("_tags", "octets")

    def __init__(self, octets: bytes, tags: dict[str, Tag]) -> None:
        self.octets = octets
        self._tags = tags

    @classmethod
    def parse(cls, octets: bytes, *, most: int = DEFAULT.tags) -> TagList:
        """Read a list of at most `most` tags.  Raises TagListFault.

        Deliberate: FWS is accepted after the final ";" and over several folds,
        which RFC 6376's ABNF lacks and real signers write.
        """
        _refuse_strange_octets(octets)
        tags: dict[str, Tag] = {}
        position = 0
        size = len(octets)
        while position <= size:
            found = _SPEC.match(octets, position)
            if found is None:
                if tags and not octets[position:].strip(FWS):
                    break
                raise TagListFault(position, "expected a tag name and =")
            name = found[1].decode("ascii")
            if name in tags:
                raise TagListFault(found.start(1), f"the tag {name}= stands twice")
            if len(tags) == most:
                raise TagListFault(found.start(1), f"more than {most} tags")
            start, stop = found.span(2)
            tags[name] = Tag(name, found[2].strip(FWS), start, stop)
            position = stop + 1
        return cls(octets, tags)

    @classmethod
    def salvage(cls, octets: bytes, *, most: int = DEFAULT.tags) -> TagList:
        """Read whatever can be read of a malformed list: for reports, never for decisions.

        The first of several tags of one name is kept.
        """
        tags: dict[str, Tag] = {}
        start = 0
        for spec in octets.split(b";", most)[:most]:
            found = _SPEC.match(spec)
            if found is not None:
                name = found[1].decode("ascii")
                where = start + found.start(2)
                tag = Tag(name, found[2].strip(FWS), where, start + len(spec))
                tags.setdefault(name, tag)
            start += len(spec) + 1
        return cls(octets, tags)

    def get(self, name: str) -> bytes | None:
        """Return the value of a tag; None when the tag is absent."""
        tag = self._tags.get(name)
        return None if tag is None else tag.value

    def tag(self, name: str) -> Tag | None:
        """Return a tag with its position."""
        return self._tags.get(name)

    def without_value(self, name: str) -> bytes:
        """Return the octets with this tag's value and the FWS around it cut out (§3.7)."""
        tag = self._tags[name]
        return self.octets[: tag.start] + self.octets[tag.stop :]

    def as_text(self) -> dict[str, str]:
        """Return names and values for people to read."""
        return {
            name: tag.value.decode("utf-8", "backslashreplace") for name, tag in self._tags.items()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._tags

    def __iter__(self) -> Iterator[Tag]:
        return iter(self._tags.values())

    def __len__(self) -> int:
        return len(self._tags)

    def __repr__(self) -> str:
        return f"TagList({self.octets!r})"


def without_fws(value: bytes) -> bytes:
    """Return a value with all white space dropped, as base64string asks (§2.10)."""
    return value.translate(None, FWS)


def colon_list(value: bytes) -> list[bytes]:
    """Split at colons and drop the FWS around each element (§3.5 h=, §3.6.1 h= s= t=)."""
    return [element.strip(FWS) for element in value.split(b":")]


def _refuse_strange_octets(octets: bytes) -> None:
    strange = octets.translate(None, _VALUE_OCTETS)
    if strange:
        raise TagListFault(octets.index(strange[:1]), f"octet 0x{strange[0]:02x} is not allowed")
    if b"\n" in octets or b"\r" in octets:
        joined = octets.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
        if b"\r" in joined or b"\n" in joined:
            raise TagListFault(_first_bare(octets), "a line break that is no fold")


def _first_bare(octets: bytes) -> int:
    bare = re.search(rb"\r\n(?![ \t])|\r(?!\n)|(?<!\r)\n", octets)
    return bare.start() if bare else 0
