"""Damage that transport, a conversion or a paste does to the lines of a body, undone."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Sequence

from avowal.diagnose.body_matcher import BodyMatcher, canonical_lines
from avowal.diagnose.body_proof import BodyProof, proof
from avowal.diagnose.mime_lines import Entity
from avowal.diagnose.protected_links import unprotected
from avowal.message import CRLF

_QUOTED = re.compile(rb"=(?:[0-9A-F]{2}|\Z)")
_MACRO = re.compile(rb"[A-Z]{2}(?:[ \t]|\Z)")  # troff: most lines that begin with a dot in patches
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_DOTTED = 8 << 20  # octets hashed for a dot that one line has lost
_DASHES = b"--"
_WIDE = 79  # octets of a line that writers of flowed text break
_WIDTHS = (72, 71, 76, 78, 75, 74, 73, 77, 70, 79, 68, 66, 65)  # the usual ones first


def damaged(entity: Entity, form: str) -> Iterator[Entity]:
    """Yield a body with damage undone that is done to each line alike.

    `form` is the canonical one: blanks at line ends matter to `simple` alone.
    """
    lines = entity.lines
    for step, undo in _DAMAGE:
        made = [undo(line) for line in lines]
        if tuple(made) != lines:
            yield entity.became(step, made)
    between = lines[1::2]
    if len(between) > 1 and not any(between) and any(lines):
        yield entity.became("lines-apart", lines[::2])
    if lines[0].startswith(_BYTE_ORDER_MARK):
        yield entity.became("byte-order-mark", (lines[0][3:], *lines[1:]))
    if any(b"\r" in line[:-1] for line in lines):
        yield entity.became("line-ends-bare", CRLF.join(lines).replace(CRLF, b"\r").split(b"\r"))
    if any(_QUOTED.search(line) for line in lines):  # and no field that says so
        octets = binascii.a2b_qp(CRLF.join(lines))
        yield entity.became("quoted-printable-was-plain", octets.split(CRLF))
    if any(map(_MACRO.match, lines)):
        made = [b"." + line if _MACRO.match(line) else line for line in lines]
        yield entity.became("dots-removed", made)
    if form == "simple":
        yield from _blanks_put_back(entity)
    if entity.is_text and any(len(line) > _WIDE for line in lines):
        for width in _WIDTHS:
            yield entity.became(
                "reflowed", [piece for one in lines for piece in _filled(one, width)]
            )
    yield from unprotected(entity)


_DAMAGE: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("signature-dashes", lambda line: b"-- " if line == _DASHES else line),
    ("dots-doubled", lambda line: line[1:] if line.startswith(b"..") else line),
    ("dots-removed", lambda line: b"." + line if line.startswith(b".") else line),
    ("quoted-reply", lambda line: line.removeprefix(b"> ") if line != b">" else b""),
    ("blanks-added", lambda line: line.rstrip(b" \t")),
    ("indented", lambda line: line.removeprefix(b"    ")),
    ("no-break-spaces", lambda line: line.replace(b"\xc2\xa0", b" ")),
    ("blank-behind-quote", lambda line: b"> " if line == b">" else line),
    ("tabs-to-spaces", lambda line: line.replace(b"        ", b"\t")),
    ("line-ends-doubled", lambda line: line.removesuffix(b"\r")),
)


def _blanks_put_back(entity: Entity) -> Iterator[Entity]:
    """Yield a text whose paragraphs flow again: a blank at each line that another follows.

    RFC 3676 §4.1: a line that ends in a blank goes on in the next; its §4.3: "-- " does not.
    """
    lines = entity.lines
    made: list[bytes] = []
    for line, after in zip(lines, (*lines[1:], b""), strict=True):
        flows = line[:1] == after[:1] == b">" or (_plain(line) and _plain(after))
        made.append(b"-- " if line == _DASHES else line + b" " if flows else line)
    yield entity.became("blanks-removed", made)


def _filled(line: bytes, width: int) -> Iterator[bytes]:
    """Yield a line broken behind blanks, each of at most `width` octets without its last blank."""
    at = 0
    while len(line) - at > width:
        stop = line.rfind(b" ", at, at + width + 1) + 1
        if not stop:
            break
        yield line[at:stop]
        at = stop
    yield line[at:]


def _plain(line: bytes) -> bool:
    return line[:1] not in {b"", b">", b" ", b"\t"} and line not in {_DASHES, b"-- "}


def dot_lost(matcher: BodyMatcher, entity: Entity) -> BodyProof | None:
    """Find the one line whose dot at the start was lost (RFC 5321 §4.5.2 done once too often)."""
    lines = entity.lines
    while lines and not lines[-1].strip(b" \t"):
        lines = lines[:-1]
    formed: Sequence[bytes] = canonical_lines(lines, matcher.form)
    left = _MOST_DOTTED
    run = matcher.run() if matcher.takes_cuts else None
    if run is None:
        return None
    size = sum(map(len, lines)) + 2 * len(lines)
    for at, line in enumerate(lines):
        if line and not line.startswith(b"."):
            left -= size
            if left < 0 or not matcher.budget.body(0, size):
                return None
            dotted = canonical_lines((b"." + line,), matcher.form)
            if run.copy().add_formed([*dotted, *formed[at + 1 :]]):
                return proof(
                    entity, (*lines[:at], b"." + line, *lines[at + 1 :]), ("dots-removed",)
                )
        size -= len(line) + 2
        run.add_formed(formed[at : at + 1])
    return None
