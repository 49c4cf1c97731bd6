"""What was put around a body, taken off again: wrapping multiparts, added parts, banners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from avowal.diagnose.body_matcher import Block, BodyMatcher, Lines
from avowal.diagnose.body_proof import BodyProof, proof
from avowal.diagnose.broken_lines import joined
from avowal.diagnose.mime_lines import Entity, delimiters, part_of

_MOST_UNWRAPPED = 8  # parts of a multipart, each of which may be the whole original
_MOST_DROPPED = 6  # parts at the end that may have been added
_MOST_BANNER = 25  # lines at the beginning that may have been added
_PREAMBLES: tuple[Lines, ...] = (
    (),
    (b"This is a multi-part message in MIME format.",),
    (b"This is a multi-part message in MIME format.", b""),
    (b"This is a multipart message in MIME format.",),
    (b"",),
)


def unescaped(entity: Entity) -> Entity | None:
    """Take the ``>`` away that mailboxes put before "From " (RFC 4155)."""
    if not any(line.startswith(b">From ") for line in entity.lines):
        return None
    lines = [line[1:] if line.startswith(b">From ") else line for line in entity.lines]
    return entity.became("from-quoted", lines)


def unbroken(entity: Entity) -> Entity | None:
    """Put lines together that a server broke because they were too long."""
    lines = joined(entity.lines)
    return None if len(lines) == len(entity.lines) else entity.became("line-broken", lines)


def unwrapped(entity: Entity) -> Iterator[Entity]:
    """Yield the parts of a multipart, each of which may have been the whole body."""
    boundary = entity.boundary
    if boundary is None:
        return
    opened, closed = delimiters(entity.lines, boundary)
    stop = len(entity.lines) if closed is None else closed
    bounds = zip(opened, (*opened[1:], stop), strict=True) if opened else ()
    for number, (at, end) in enumerate(bounds):
        if number < _MOST_UNWRAPPED:
            yield part_of(entity.lines[at + 1 : end], (*entity.steps, "unwrapped"))


def without_blanks(entity: Entity) -> Entity | None:
    """Take out the empty line that Python's email package writes behind a nested multipart."""
    lines = entity.lines
    kept = [line for at, line in enumerate(lines) if line or not _is_between(lines, at)]
    return None if len(kept) == len(lines) else entity.became("inner-blank-line", kept)


def _is_between(lines: Sequence[bytes], at: int) -> bool:
    """Whether a line stands between a closing delimiter and another delimiter."""
    if not 0 < at < len(lines) - 1:
        return False
    before, behind = lines[at - 1], lines[at + 1]
    return (
        before.startswith(b"--") and before.rstrip(b" \t").endswith(b"--") and behind[:2] == b"--"
    )


def fewer_parts(matcher: BodyMatcher, entity: Entity) -> BodyProof | None:
    """Find a multipart without its last parts, or with another preamble or epilogue."""
    boundary = entity.boundary
    if boundary is None:
        return None
    lines = entity.lines
    opened, closed = delimiters(lines, boundary)
    if not opened:
        return None
    end = len(lines) if closed is None else closed
    closing = b"--" + boundary + b"--"
    first = opened[0]
    preambles = (Block(lines[:first]), *map(Block, _PREAMBLES))
    for dropped in range(min(len(opened), _MOST_DROPPED + 1)):
        stop = opened[-dropped] if dropped else end
        blank = stop > first and not lines[stop - 1]
        middle = Block(lines[first : stop - blank])
        tails = [(b"", closing), (closing,), (*((b"",) if blank else ()), *lines[end:])]
        for number, preamble in enumerate(preambles):
            for tail in tails:
                if matcher.whole((preamble, middle, Block(tail))):
                    steps = (("part-added",) if dropped else ()) + (
                        ("preamble",) if number or not dropped else ()
                    )
                    return proof(entity, (*preamble.lines, *middle.lines, *tail), steps)
    return None


def added_parts(entity: Entity) -> Iterator[Entity]:
    """Yield a multipart without its last parts, for what else may have been done to it."""
    boundary = entity.boundary
    if boundary is None:
        return
    opened, _ = delimiters(entity.lines, boundary)
    for dropped in range(1, min(len(opened), _MOST_DROPPED)):
        core = entity.lines[: opened[-dropped]]
        yield entity.became("part-added", (*core, b"--" + boundary + b"--"))


def other_preambles(entity: Entity) -> Iterator[Entity]:
    """Yield a multipart with other words before its first part."""
    boundary = entity.boundary
    if boundary is None:
        return
    opened, _ = delimiters(entity.lines, boundary)
    if opened:
        for preamble in _PREAMBLES:
            changed = (*preamble, *entity.lines[opened[0] :])
            if changed != entity.lines:
                yield entity.became("preamble", changed)


def banner(matcher: BodyMatcher, entity: Entity) -> BodyProof | None:
    """Find text that was put before a body; a footer may stand behind it too."""
    for count in range(1, min(_MOST_BANNER, len(entity.lines))):
        kept = matcher.cut((), Block(entity.lines[count:]))
        if kept is not None:
            lines = entity.lines[count : count + kept]
            return proof(entity, lines, ("banner", *_footer(entity.lines[count + kept :])))
    return None


def _footer(rest: Sequence[bytes]) -> tuple[str, ...]:
    return ("footer",) if any(line.strip(b" \t") for line in rest) else ()
