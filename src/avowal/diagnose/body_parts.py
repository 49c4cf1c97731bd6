"""Parts of a multipart that were encoded anew, and footers written into one of them."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from avowal.diagnose.body_matcher import Block, BodyMatcher, Lines
from avowal.diagnose.body_proof import BodyProof, proof
from avowal.diagnose.mime_lines import (
    Entity,
    PartField,
    Segment,
    decoded,
    delimiters,
    field_of,
    part_header,
    part_of,
    segments,
    text_lines,
)
from avowal.diagnose.quoted_writers import WRITERS, Writer
from avowal.message import CRLF

_CTE = b"content-transfer-encoding"
_MOST_CHOICES = 6  # leaves whose forms are combined
_MOST_COMBINED = 1000
_MOST_WRITTEN = 3000  # lines of a text whose other encodings are made
_FOOTER_LINES = 40  # lines of a footer within a part
_MOST_HTML = 4000  # octets of a footer within HTML
_MOST_TAGS = 30
_HTML_FOOTER = re.compile(rb"<(?:div|p|br|hr|pre|font|table)\b", re.IGNORECASE)


class Form(NamedTuple):
    """One way a part may have been written, and the step that leads there."""

    step: str
    block: Block


Known = dict[Segment, list[Form]]
"""The forms of segments that were looked at: other candidates have the same parts."""


def encoded_anew(
    matcher: BodyMatcher, entity: Entity, known: Known, hot: Sequence[Writer] = ()
) -> BodyProof | None:
    """Find the forms that the parts of a multipart had; one change in all of them, or in two."""
    boundary = entity.boundary
    if boundary is None:
        return None
    forms: list[list[Form]] = []
    for one in segments(entity.lines, boundary):
        if one not in known:
            known[one] = [Form("", Block(one.lines))]
            if one.is_leaf and matcher.budget.body(len(one.lines), 0):
                known[one] += _forms(one.lines, hot)
        forms.append(known[one])
    usual = [some[0].block for some in forms]
    for number, choice in enumerate(_combinations(forms)):
        if number == _MOST_COMBINED or not matcher.budget.in_time():
            return None
        blocks = list(usual)
        for at, form in choice:
            blocks[at] = form.block
        if matcher.whole(blocks):
            lines = [line for block in blocks for line in block.lines]
            return proof(entity, lines, tuple(sorted({form.step for _, form in choice})))
        if matcher.budget.bodies_spent:
            return None
    return None


def _combinations(forms: Sequence[Sequence[Form]]) -> Iterator[tuple[tuple[int, Form], ...]]:
    """Yield what differs from the body as it is: the same step in all parts, in one, in two."""
    free = [at for at, some in enumerate(forms) if len(some) > 1][:_MOST_CHOICES]
    steps = dict.fromkeys(form.step for at in free for form in forms[at][1:])
    for step in steps:
        same = [(at, form) for at in free for form in forms[at] if form.step == step]
        first = {at: (at, form) for at, form in reversed(same)}
        if len(first) > 1:
            yield tuple(first[at] for at in sorted(first))
    for at in free:
        for form in forms[at][1:]:
            yield ((at, form),)
    for one, other in combinations(free, 2):
        for form in forms[one][1:]:
            for second in forms[other][1:]:
                yield (one, form), (other, second)


def _forms(lines: Lines, hot: Sequence[Writer]) -> Iterator[Form]:
    """Yield the forms of one part, the usual ones first."""
    fields, start = part_header(lines)
    yield from _with_attachment_id(lines, fields)
    entity = part_of(lines)
    octets = decoded(entity)
    if octets is None or not entity.media_type.startswith((b"text/", b"message/")):
        return
    text = text_lines(octets)
    head = _Head(lines[:start], field_of(fields, _CTE), field_of(fields, b"content-type"))
    if entity.transfer in {b"quoted-printable", b"base64"}:
        for name in (b"8bit", b"7bit"):
            step = f"part-{entity.transfer.decode()}-was-plain"
            for changed in head.declaring(name):
                yield Form(step, Block((*changed, *text)))
    if len(text) > _MOST_WRITTEN:
        return
    writers = dict.fromkeys((*hot[:4], *WRITERS[:8]))
    for writer in writers:
        written = [piece for line in text for piece in writer.lines(line)]
        for changed in head.declaring(b"quoted-printable"):
            yield Form("part-was-quoted-printable", Block((*changed, *written)))
    for line_end in (CRLF, b"\n"):
        encoded = binascii.b2a_base64(line_end.join(text), newline=False)
        for width in (76, 72, 64):
            pieces = [encoded[at : at + width] for at in range(0, len(encoded), width)]
            for changed in head.declaring(b"base64"):
                yield Form("part-was-base64", Block((*changed, *pieces)))


def _with_attachment_id(lines: Lines, fields: Sequence[PartField]) -> Iterator[Form]:
    """Google's X-Attachment-Id repeats the Content-ID; lists that know no X- field drop it."""
    found = field_of(fields, b"content-id")
    if found is None or field_of(fields, b"x-attachment-id") is not None:
        return
    added = b"X-Attachment-Id: " + found.value.strip(b"<>")
    for at in (found.start, found.stop):
        yield Form("part-field-dropped", Block((*lines[:at], added, *lines[at:])))


class _Head(NamedTuple):
    """The header of a part with its blank line, and the two fields in it that matter."""

    lines: Lines
    encoding: PartField | None
    kind: PartField | None

    def declaring(self, name: bytes) -> Iterator[Lines]:
        """Yield the header with another transfer encoding, where servers put the field."""
        if self.encoding is None:
            field = b"Content-Transfer-Encoding: " + name
            yield (*self.lines[:-1], field, *self.lines[-1:])
            if self.kind is not None:
                at = self.kind.stop
                yield (*self.lines[:at], field, *self.lines[at:])
            if name in {b"8bit", b"7bit"}:
                yield self.lines
            return
        start, stop = self.encoding.start, self.encoding.stop
        field = self.lines[start].split(b":")[0] + b": " + name
        in_place = (*self.lines[:start], field, *self.lines[stop:])
        yield in_place
        rest = (*self.lines[:start], *self.lines[stop:])
        if self.kind is not None:  # sendmail and Postfix move it to the end of the header
            at = self.kind.stop - (stop - start if self.kind.start > start else 0)
            moved = (*rest[:at], field, *rest[at:])
            if moved != in_place:
                yield moved
        if name in {b"8bit", b"7bit"}:
            yield rest


def footer_within(matcher: BodyMatcher, entity: Entity) -> BodyProof | None:
    """Find a footer that was written at the end of a text part."""
    boundary = entity.boundary
    if boundary is None:
        return None
    lines = entity.lines
    opened, closed = delimiters(lines, boundary)
    stop = len(lines) if closed is None else closed
    for at, end in zip(opened, (*opened[1:], stop), strict=True) if opened else ():
        part = part_of(lines[at + 1 : end])
        if not part.is_text:
            continue
        start = end - len(part.lines)
        found = _footer_line(matcher, lines, start, end) or _html_footer(matcher, lines, start, end)
        if found is not None:
            return proof(entity, found, ("footer-in-part",))
    return None


def _footer_line(matcher: BodyMatcher, lines: Lines, start: int, end: int) -> Lines | None:
    first = max(start, end - _FOOTER_LINES)
    head, tail = Block(lines[:first]), Block(lines[end:])
    for stop in range(end - 1, first - 1, -1):
        for gap in ((), (b"",)):
            middle = Block((*lines[first:stop], *gap))
            if matcher.whole((head, middle, tail)):
                return (*head.lines, *middle.lines, *tail.lines)
    return None


def _html_footer(matcher: BodyMatcher, lines: Lines, start: int, end: int) -> Lines | None:
    text = b"\n".join(lines[start:end])
    body_end = text.lower().rfind(b"</body")
    if body_end < 0:
        return None
    head, tail = Block(lines[:start]), Block(lines[end:])
    begin = max(0, body_end - _MOST_HTML)
    tags = list(_HTML_FOOTER.finditer(text, begin, body_end))[-_MOST_TAGS:]
    for tag in reversed(tags):
        middle = Block((text[: tag.start()] + text[body_end:]).split(b"\n"))
        if matcher.whole((head, middle, tail)):
            return (*head.lines, *middle.lines, *tail.lines)
    return None


__all__ = ["Form", "Segment", "encoded_anew", "footer_within"]
