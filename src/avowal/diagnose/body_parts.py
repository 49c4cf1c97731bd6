"""Parts of a multipart that were encoded anew."""

from __future__ import annotations

import binascii
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


__all__ = ["Form", "Segment", "encoded_anew"]
