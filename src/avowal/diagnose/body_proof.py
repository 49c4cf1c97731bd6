"""What was proven of a body: its lines as signed, and what they say about the header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from avowal.diagnose.body_matcher import Lines
from avowal.diagnose.mime_lines import Entity
from avowal.diagnose.quoted_writers import Writer


class BodyProof(NamedTuple):
    """The signed lines, and the `steps` that lead back to them, names of the registry.

    `content_type` is the value that the signed body had, where it is known, `unwrapped` says
    that a multipart was taken off.  `encodings` are transfer encodings that fit, None for no
    field; empty where the body says nothing.  `writer` wrote quoted-printable.
    """

    lines: Lines
    steps: tuple[str, ...]
    content_type: bytes | None
    encodings: tuple[bytes | None, ...]
    unwrapped: bool
    writer: Writer | None = None


def proof(
    entity: Entity,
    lines: Sequence[bytes],
    steps: tuple[str, ...],
    *,
    encodings: tuple[bytes | None, ...] | None = None,
    writer: Writer | None = None,
) -> BodyProof:
    """Make a proof of an entity's lines, or of others that its steps lead to."""
    unwrapped = "unwrapped" in entity.steps
    if encodings is None:
        encodings = (entity.encoding,)
    return BodyProof(
        lines=tuple(lines),
        steps=tuple(dict.fromkeys((*entity.steps, *steps))),
        content_type=entity.content_type,
        encodings=encodings,
        unwrapped=unwrapped,
        writer=writer,
    )
