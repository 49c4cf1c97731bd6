"""A single text that was cut, encoded anew or put into another charset on the way."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence

from avowal.diagnose.body_matcher import Block, BodyMatcher
from avowal.diagnose.body_proof import BodyProof, proof
from avowal.diagnose.mime_lines import Entity, decoded, text_lines
from avowal.diagnose.quoted_writers import Writer, rewritten
from avowal.lists.charsets import DECODABLE
from avowal.message import CRLF

_WIDTHS = (76, 72, 64, 60)  # octets of a base64 line; RFC 2045 §6.8 allows 76
_BASE64_CUTS = 80  # line ends at the end of a text where it may have been cut
_MOST_CHARSETS = 5  # that a text may have been in before a list made it UTF-8
_CHARSETS = (
    "iso-8859-1", "windows-1252", "iso-8859-15", "iso-8859-2", "gb2312", "gbk", "gb18030", "big5",
    "euc-kr", "iso-2022-jp", "shift_jis", "koi8-r", "windows-1251", "windows-1250",
)  # fmt: skip


def cut(matcher: BodyMatcher, entity: Entity) -> BodyProof | None:
    """Find the line behind which text was added."""
    kept = matcher.cut((), Block(entity.lines))
    if kept is None:
        return None
    rest = any(line.strip(b" \t") for line in entity.lines[kept:])
    return proof(entity, entity.lines[:kept], ("footer",) if rest else ())


def encoded_anew(
    matcher: BodyMatcher, entity: Entity, hot: Sequence[Writer] = (), *, usual: bool = False
) -> BodyProof | None:
    """Find the encoding that a text had, and where it ended; `usual` leaves out rare ones."""
    octets = decoded(entity) if entity.is_text else None
    if octets is None:
        return None
    plain = text_lines(octets)
    for charset, text in _charsets(plain, entity.charset):
        steps = ("charset",) if charset else ()
        if entity.transfer in {b"base64", b"quoted-printable"} or charset:
            kept = matcher.cut((), Block(text))
            if kept is not None:
                step = f"{entity.transfer.decode()}-was-plain" if not charset else "charset"
                step = step if step in _PLAIN_STEPS else "charset"
                return proof(entity, text[:kept], (step,), encodings=(b"8bit", b"7bit", None))
        found = _as_base64(matcher, entity, octets, text, mixed=not charset)
        if found is not None:
            return proof(entity, found, (*steps, "was-base64"), encodings=(b"base64",))
        quoted = rewritten(matcher, (), text, hot, usual=usual or bool(charset))
        if quoted is not None:
            return proof(
                entity,
                quoted.lines,
                (*steps, "was-quoted-printable"),
                encodings=(b"quoted-printable",),
                writer=quoted.writer,
            )
    return None


_PLAIN_STEPS = frozenset(("base64-was-plain", "quoted-printable-was-plain"))


def _charsets(text: list[bytes], charset: str) -> Iterator[tuple[str, list[bytes]]]:
    """Yield a text as it is, then as it was in charsets that a list may have converted from."""
    yield "", text
    octets = b"\n".join(text)
    if octets.isascii():
        return
    codec = DECODABLE.get(charset.encode())  # not looked up by a name that a stranger chose
    if codec is None:
        return
    try:
        unicode = octets.decode(codec)
    except UnicodeDecodeError:
        return
    number = 0
    for other in _CHARSETS if charset == "utf-8" else ("utf-8",):
        try:
            converted = unicode.encode(other)
        except UnicodeEncodeError:
            continue
        if converted != octets and number < _MOST_CHARSETS:
            number += 1
            yield other, converted.split(b"\n")


def _as_base64(
    matcher: BodyMatcher, entity: Entity, octets: bytes, text: Sequence[bytes], *, mixed: bool
) -> tuple[bytes, ...] | None:
    if not matcher.takes_cuts:
        return None
    if mixed and CRLF in octets:
        pieces = octets.splitlines(keepends=True)
        for width in _WIDTHS[:2]:
            found = _base64_cut(matcher, pieces, 0, width)
            if found is not None:
                return found
    for line_end, widths in ((CRLF, _WIDTHS), (b"\n", _WIDTHS[:2])):
        pieces = [line + line_end for line in text]
        for width in widths:
            found = _base64_cut(matcher, pieces, len(line_end), width)
            if found is not None:
                return found
    return None


def _base64_cut(
    matcher: BodyMatcher, pieces: Sequence[bytes], line_end: int, width: int
) -> tuple[bytes, ...] | None:
    """Encode a text, cut at one of its last line ends with the line end or without."""
    octets = b"".join(pieces)
    per_line = width * 3 // 4
    encoded = binascii.b2a_base64(octets, newline=False)
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    tail = sum(map(len, pieces[-_BASE64_CUTS:]))
    first = max(0, (len(octets) - tail) // per_line - 1)
    run = matcher.run((Block(lines[:first]),)) if first else matcher.run()
    if run is None or not matcher.budget.body(len(lines) - first, tail * 4 // 3):
        return None
    states = [run.copy()]
    for line in lines[first:]:
        run.add((line,))
        states.append(run.copy())
    end = len(octets)
    for piece in reversed(pieces[-_BASE64_CUTS:]):
        for stop in (end, end - (line_end or len(piece) - len(piece.rstrip(b"\r\n")))):
            at, rest = stop // per_line - first, octets[stop // per_line * per_line : stop]
            last = binascii.b2a_base64(rest, newline=False)
            if 0 <= at < len(states) and states[at].copy().add((last,) if rest else ()):
                return (*lines[: first + at], *((last,) if rest else ()))
        end -= len(piece)
    return None
