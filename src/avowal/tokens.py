"""The lexical half of reading addresses: RFC 5322 §3.2 with its obsolete forms (§4).

Comments and white space vanish; an encoded word is an atom and is never decoded
(RFC 2047 §5: it may not be part of an address).  Time is linear in the octets: what is
opened and never closed is looked for once, then its opening mark is an ordinary octet,
so that nothing behind it is hidden.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SPACE = re.compile(rb"[ \t\r\n]++")
# RFC 2047 §2; the charset is a token, what stands in the text may be anything
_ENCODED_WORD = rb"=\?[^\s?()<>@,;:\\\"/\[\].=]++\?[BbQq]\?[^?\s]*+\?="
_ATOM = rb'[^\x00-\x20"(),.:;<>@\[\]\\\x7f]++'
_USUAL = re.compile(rb"[ \t\r\n]*+(?:(%b|%b)|(,+|[<>:;@.]))" % (_ENCODED_WORD, _ATOM))
_PLAIN = re.compile(rb"[ \t\r\n]*+(?:(%b)|(,+|[<>:;@.]))" % _ATOM)
_CLOSING = re.compile(rb"[)]++")
_STRAY = re.compile(rb"[()]++")  # once no comment can end any more
_LITERAL = re.compile(rb"\[[^\[\]\\]*+\]")
_IN_COMMENT = re.compile(rb"[()]|\\.", re.DOTALL)
_PLAIN_COMMENT = re.compile(rb"\([^()\\]*+\)")  # most are so
_DEPTH = {b"(": 1, b")": -1}
_IN_QUOTES = re.compile(rb'"|\\.', re.DOTALL)
_FWS = re.compile(rb"(?:\r\n)?[ \t]++")
_ATEXT = re.compile(rb'[^\x00-\x20\x7f()<>@,;:\\".\[\]]++')  # RFC 5322 §3.2.3, RFC 6532 §3.2

ATOM, QUOTED, LITERAL, JUNK = "a", "q", "l", "j"


class Token(NamedTuple):
    """One token: kind is a, q (quoted string), l (domain literal), j (junk) or the special."""

    kind: str
    start: int
    stop: int


def scan(octets: bytes, *, encoded_words: bool = True) -> list[Token]:
    """Cut a structured field's value into tokens; every octet string has some.

    With `encoded_words` False they are cut like other octets, as by a reader that knows none.
    Parentheses of no comment that stand side by side, or commas, are one token: a field of
    nothing else costs little.
    """
    ordinary = _USUAL if encoded_words else _PLAIN
    tokens: list[Token] = []
    open_marks = {b'"', b"(", b"["}  # those that may still find their end
    position, end = 0, len(octets)
    while position < end:
        if (usual := ordinary.match(octets, position)) is not None:
            start, position = usual.span(usual.lastindex or 0)
            kind = ATOM if usual.lastindex == 1 else chr(octets[start])
            tokens.append(Token(kind, start, position))
            continue
        mark = octets[position : position + 1]
        stop = -1
        if (space := _SPACE.match(octets, position)) is not None:
            position = space.end()
            continue
        if mark in open_marks:
            stop = _closed(octets, position, mark)
            if stop < 0:
                open_marks.discard(mark)
            elif mark == b"(":
                position = stop
                continue
        kind = {b'"': QUOTED, b"[": LITERAL}.get(mark, JUNK)
        if stop < 0:
            strays = (_CLOSING if b"(" in open_marks else _STRAY).match(octets, position)
            kind, stop = JUNK, position + 1 if strays is None else strays.end()
        tokens.append(Token(kind, position, stop))
        position = stop
    return tokens


def unquoted(octets: bytes) -> bytes:
    """Return what a quoted string stands for (RFC 5322 §3.2.4); other octets unchanged."""
    if octets[:1] != b'"':
        return octets
    return re.sub(rb"\\(.)", rb"\1", octets[1:-1], flags=re.DOTALL)


def _closed(octets: bytes, position: int, mark: bytes) -> int:
    """Return where the thing that begins here ends; -1 when it never does."""
    if mark == b"(":
        return comment_end(octets, position)
    if mark == b'"':
        return quoted_end(octets, position)
    found = _LITERAL.match(octets, position)
    return -1 if found is None else found.end()


def is_dot_atom(octets: bytes) -> bool:
    """Whether octets are atoms between single dots (RFC 5322 §3.2.3, RFC 6532 §3.2)."""
    return all(map(_ATEXT.fullmatch, octets.split(b".")))


def fws_end(octets: bytes, position: int) -> int:
    """Return where folding white space ends, any number of folds; `position` where is none."""
    while (space := _FWS.match(octets, position)) is not None:
        position = space.end()
    return position


def quoted_end(octets: bytes, position: int, marks: re.Pattern[bytes] = _IN_QUOTES) -> int:
    """Return where the quoted string that begins here ends; -1 for never.

    `marks` finds quoted pairs, the closing mark and whatever else may not stand within.
    """
    for found in marks.finditer(octets, position + 1):
        mark = found[0]
        if len(mark) == 1:
            return found.end() if mark == b'"' else -1
    return -1


def comment_end(octets: bytes, position: int) -> int:
    """Return where the comment that begins here ends, nested ones included; -1 for never."""
    plain = _PLAIN_COMMENT.match(octets, position)
    if plain is not None:
        return plain.end()
    depth = 0
    for found in _IN_COMMENT.finditer(octets, position):
        depth += _DEPTH.get(found[0], 0)
        if depth == 0:
            return found.end()
    return -1


def without_comments(octets: bytes) -> bytes:
    """Return octets without their comments, the innermost first; what never closes stays."""
    opened: list[int] = []
    comments: list[tuple[int, int]] = []  # outermost of those that are closed
    for found in _IN_COMMENT.finditer(octets):
        if found[0] == b"(":
            opened.append(found.start())
        elif found[0] == b")" and opened:
            start = opened.pop()
            while comments and comments[-1][0] > start:
                comments.pop()
            comments.append((start, found.end()))
    kept = []
    position = 0
    for start, stop in comments:
        kept.append(octets[position:start])
        position = stop
    return b"".join((*kept, octets[position:]))
