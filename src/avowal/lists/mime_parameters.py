"""The value of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183 §2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from avowal.tokens import comment_end, quoted_end, unquoted

_FOLD = re.compile(rb"\r\n(?=[ \t])")
_MARK = re.compile(rb'[;"(]')
_SPACE = b" \t\r\n"
MOST_OCTETS = 16 << 10  # of a value whose parameters are read; real ones have some hundred


def word(value: bytes) -> bytes:
    """Return what stands before the parameters, lower-cased: a type, or a disposition."""
    return next(_elements(value)).lower()


def parameters(value: bytes) -> dict[bytes, bytes]:
    """Return the parameters by lower-cased name, quotes taken off; of equal names the first.

    A value beyond `MOST_OCTETS` has none.
    """
    found: dict[bytes, bytes] = {}
    elements = _elements(value)
    next(elements)
    for element in elements:
        name, sign, written = element.partition(b"=")
        if sign:
            found.setdefault(name.strip(_SPACE).lower(), unquoted(written.strip(_SPACE)))
    return found


def _elements(value: bytes) -> Iterator[bytes]:
    """Yield what stands between semicolons, comments and outer white space taken off."""
    if len(value) > MOST_OCTETS:
        yield value.partition(b";")[0].strip(_SPACE)
        return
    octets = _FOLD.sub(b"", value)
    kept: list[bytes] = []
    start = position = 0
    while (mark := _MARK.search(octets, position)) is not None:
        at = mark.start()
        if mark[0] == b'"':
            position = quoted_end(octets, at)
        elif mark[0] == b"(":
            kept.append(octets[start:at])
            start = position = comment_end(octets, at)
        else:
            yield b"".join((*kept, octets[start:at])).strip(_SPACE)
            kept, start, position = [], at + 1, at + 1
        if position < 0:  # it never ends: what is behind is part of it
            start = at if mark[0] == b"(" else start
            break
    yield b"".join((*kept, octets[start:])).strip(_SPACE)
