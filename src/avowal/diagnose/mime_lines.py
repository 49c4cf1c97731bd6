"""The MIME structure of a body as lines, so that candidates can be put together octet by octet.

`lists.mime` reads parts; here it matters where each line stands (RFC 2046 §5.1.1).  What
cannot be read is one part.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from avowal.diagnose.body_matcher import Lines
from avowal.lists.mime_parameters import parameters, word
from avowal.message import Header, Message

_MOST_DEPTH = 5
_MOST_PARTS = 100  # of one multipart that are looked at
_SPACE = b" \t"


class PartField(NamedTuple):
    """A header field of a part: the lines it stands in, its lower-cased name, its value."""

    start: int
    stop: int
    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Entity:
    """A body that may be what was signed: its lines, and what describes them.

    `steps` name the hypotheses that led here, in the order in which they are undone.
    `content_type` and `encoding` are values as written, None where there is no such field.
    """

    lines: Lines
    content_type: bytes | None
    encoding: bytes | None
    steps: tuple[str, ...] = ()

    @classmethod
    def of(cls, header: Header, lines: Sequence[bytes]) -> Entity:
        """Take a message."""
        return cls(
            tuple(lines),
            _value(header, b"content-type"),
            _value(header, b"content-transfer-encoding"),
        )

    @property
    def media_type(self) -> bytes:
        """Type and subtype, lower-cased (RFC 2045 §5.2 gives the default)."""
        return word(self.content_type or b"") or b"text/plain"

    @property
    def is_text(self) -> bool:
        """Whether it is text."""
        return self.media_type.startswith(b"text/")

    @property
    def boundary(self) -> bytes | None:
        """The boundary of a multipart, None for anything else."""
        if not self.media_type.startswith(b"multipart/"):
            return None
        return parameters(self.content_type or b"").get(b"boundary", b"").rstrip(_SPACE) or None

    @property
    def transfer(self) -> bytes:
        """The transfer encoding, lower-cased (RFC 2045 §6.1)."""
        return word(self.encoding or b"") or b"7bit"

    @property
    def charset(self) -> str:
        """The charset of a text."""
        found = parameters(self.content_type or b"").get(b"charset", b"us-ascii")
        return found.decode("ascii", "replace").lower()

    def became(self, step: str, lines: Sequence[bytes]) -> Entity:
        """Return it with other lines, by one more step."""
        return replace(self, lines=tuple(lines), steps=(*self.steps, step))


def part_header(lines: Sequence[bytes]) -> tuple[list[PartField], int]:
    """Return the header fields of a part, and the place of the first line behind them."""
    found: list[PartField] = []
    start = 0
    for at, line in enumerate(lines):
        if at and line[:1] in {b" ", b"\t"} and line.strip(_SPACE):
            continue
        if at:
            found.append(_part_field(lines, start, at))
        if not line.strip(_SPACE):
            return found, at + 1
        start = at
    if lines:
        found.append(_part_field(lines, start, len(lines)))
    return found, len(lines)


def _part_field(lines: Sequence[bytes], start: int, stop: int) -> PartField:
    name, _, value = lines[start].partition(b":")
    folded = [line.strip(_SPACE) for line in (value, *lines[start + 1 : stop])]
    return PartField(start, stop, name.strip(_SPACE).lower(), b" ".join(folded))


def field_of(fields: Sequence[PartField], name: bytes) -> PartField | None:
    """Return the first field of a name."""
    return next((one for one in fields if one.name == name), None)


def delimiters(lines: Sequence[bytes], boundary: bytes) -> tuple[list[int], int | None]:
    """Return where parts begin, as places of delimiter lines, and where the last one ends."""
    mark = b"--" + boundary
    opened: list[int] = []
    for at, line in enumerate(lines):
        if line.startswith(mark):
            written = line.rstrip(_SPACE)
            if written == mark + b"--":
                return opened, at
            if written == mark and len(opened) < _MOST_PARTS:
                opened.append(at)
    return opened, None


def part_of(lines: Sequence[bytes], steps: tuple[str, ...] = ()) -> Entity:
    """Read a part: what is behind its header, and what that says."""
    fields, body = part_header(lines)
    kind, encoding = (
        field_of(fields, name) for name in (b"content-type", b"content-transfer-encoding")
    )
    return Entity(
        tuple(lines[body:]),
        None if kind is None else kind.value,
        None if encoding is None else encoding.value,
        steps,
    )


class Segment(NamedTuple):
    """Lines of a multipart: a part without parts of its own, or what stands between such."""

    lines: Lines
    is_leaf: bool


def segments(lines: Sequence[bytes], boundary: bytes, depth: int = 0) -> Iterator[Segment]:
    """Cut a multipart into its leaves and the lines between, to the last line."""
    opened, closed = delimiters(lines, boundary)
    if not opened:
        yield Segment(tuple(lines), is_leaf=False)
        return
    yield Segment(tuple(lines[: opened[0]]), is_leaf=False)
    stop = len(lines) if closed is None else closed
    for at, end in zip(opened, (*opened[1:], stop), strict=True):
        yield Segment((lines[at],), is_leaf=False)
        part = lines[at + 1 : end]
        entity = part_of(part)
        if entity.boundary is not None and depth < _MOST_DEPTH:
            head = len(part) - len(entity.lines)
            yield Segment(tuple(part[:head]), is_leaf=False)
            yield from segments(entity.lines, entity.boundary, depth + 1)
        else:
            yield Segment(tuple(part), is_leaf=True)
    if closed is not None:
        yield Segment(tuple(lines[closed:]), is_leaf=False)


def decoded(entity: Entity) -> bytes | None:
    """Return a text with its transfer encoding undone, its line ends as they are."""
    octets = b"\n".join(entity.lines)
    try:
        if entity.transfer == b"base64":
            return binascii.a2b_base64(octets)
        if entity.transfer == b"quoted-printable":
            return binascii.a2b_qp(octets)
    except (binascii.Error, ValueError):
        return None
    return octets


def read_text(message: Message) -> bytes:
    """Return a body as it is read, in which names and addresses may stand."""
    entity = Entity.of(message.header, message.body.split(b"\r\n"))
    octets = decoded(entity) if entity.is_text else None
    return message.body if octets is None else octets


def text_lines(octets: bytes) -> list[bytes]:
    """Cut decoded text at its line ends, whichever they are."""
    return octets.replace(b"\r\n", b"\n").split(b"\n")


def _value(header: Header, name: bytes) -> bytes | None:
    fields = header.named(name)
    return fields[-1].value.replace(b"\r\n", b"").strip(_SPACE) if fields else None
