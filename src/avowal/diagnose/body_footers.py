"""Footers that were written into the text parts of a multipart: into one, or into both.

Disclaimer programs write theirs into the plain text and into the HTML of the same message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from avowal.diagnose.body_matcher import Block, BodyMatcher, Lines
from avowal.diagnose.body_proof import BodyProof, proof
from avowal.diagnose.mime_lines import Entity, delimiters, part_of

_FOOTER_LINES = 40  # lines of a footer within a part
_MOST_HTML = 4000  # octets of a footer within HTML
_MOST_TAGS = 30
_MOST_TEXTS = 4  # parts that are looked at two by two
_PAIRED_OCTETS = 16 << 20  # octets hashed for footers in two parts
_HTML_FOOTER = re.compile(rb"<(?:div|p|br|hr|pre|font|table)\b", re.IGNORECASE)
_STEP = ("footer-in-part",)


class _Text(NamedTuple):
    """A text part: where its text begins and ends, in the lines of the whole."""

    start: int
    end: int


class _Without(NamedTuple):
    """A part without its end: `block` stands in place of the lines from `first` on."""

    first: int
    block: Block


def footer_within(matcher: BodyMatcher, entity: Entity) -> BodyProof | None:
    """Find a footer that was written at the end of one text part."""
    lines = entity.lines
    for part in _texts(entity):
        tail = Block(lines[part.end :])
        head = Block(())
        for one in _shorter(lines, part):
            if one.first != len(head.lines):
                head = Block(lines[: one.first])
            if matcher.whole((head, one.block, tail)):
                return proof(entity, (*head.lines, *one.block.lines, *tail.lines), _STEP)
    return None


def footers_within(matcher: BodyMatcher, entity: Entity) -> BodyProof | None:
    """Find footers that were written at the ends of two text parts."""
    lines = entity.lines
    left = _PAIRED_OCTETS
    for above, below in combinations(list(_texts(entity))[:_MOST_TEXTS], 2):
        tail = Block(lines[below.end :])
        low = [(Block(lines[above.end : one.first]), one.block) for one in _shorter(lines, below)]
        for one in _shorter(lines, above):
            head = Block(lines[: one.first])
            for between, block in low:
                left -= between.size + block.size + tail.size
                if left < 0:
                    return None
                row = (head, one.block, between, block, tail)
                if matcher.whole(row):
                    return proof(entity, [line for some in row for line in some.lines], _STEP)
    return None


def _texts(entity: Entity) -> Iterator[_Text]:
    boundary = entity.boundary
    if boundary is None:
        return
    lines = entity.lines
    opened, closed = delimiters(lines, boundary)
    stop = len(lines) if closed is None else closed
    for at, end in zip(opened, (*opened[1:], stop), strict=True) if opened else ():
        part = part_of(lines[at + 1 : end])
        if part.is_text:
            yield _Text(end - len(part.lines), end)


def _shorter(lines: Lines, part: _Text) -> Iterator[_Without]:
    """Yield a part without its last lines, then without the end of its HTML."""
    first = max(part.start, part.end - _FOOTER_LINES)
    for stop in range(part.end - 1, first - 1, -1):
        for gap in ((), (b"",)):
            yield _Without(first, Block((*lines[first:stop], *gap)))
    text = b"\n".join(lines[part.start : part.end])
    body_end = text.lower().rfind(b"</body")
    if body_end < 0:
        return
    begin = max(0, body_end - _MOST_HTML)
    for tag in reversed(list(_HTML_FOOTER.finditer(text, begin, body_end))[-_MOST_TAGS:]):
        kept = text[: tag.start()] + text[body_end:]
        yield _Without(part.start, Block(kept.split(b"\n")))
