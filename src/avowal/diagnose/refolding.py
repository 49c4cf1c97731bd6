"""Fields folded otherwise: under `simple` canonicalization each line break and blank counts.

Servers fold a whole header alike, so that one way is tried for all fields at once; a single
field may have been folded by its author otherwise than by whoever wrote it anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from avowal.message import CRLF

_FOLD = re.compile(rb"\r\n[ \t]++")
_MOST_OCTETS = 16 << 10  # of a field that is folded otherwise
_WIDTH = 78  # octets of a line (RFC 5322 §2.1.1)
Style = Callable[[bytes], bytes]


def _spaced(white: bytes) -> Style:
    return lambda raw: _FOLD.sub(CRLF + white, raw)


def unfolded_field(raw: bytes) -> bytes:
    """Return a field in one line, each fold a single blank."""
    return _FOLD.sub(b" ", raw)


def _tidy(raw: bytes) -> bytes:
    """Return a field without folds, their white space left as it is."""
    return raw.replace(CRLF, b"")


def _filled(white: bytes, width: int = _WIDTH) -> Style:
    """Fold where a line would grow too long, at the last blank before."""

    def fold(raw: bytes) -> bytes:
        words = unfolded_field(raw).split(b" ")
        lines = [words[0]]
        for word in words[1:]:
            if len(lines[-1]) + 1 + len(word) > width and lines[-1] != words[0]:
                lines.append(word)
            else:
                lines[-1] += b" " + word
        return (CRLF + white).join(lines)

    return fold


def _behind(mark: bytes, white: bytes) -> Style:
    """Fold behind each mark, as address lists and lists of identifiers are written."""
    return lambda raw: unfolded_field(raw).replace(mark + b" ", mark + CRLF + white)


STYLES: tuple[Style, ...] = (
    _spaced(b"\t"), _spaced(b" "), _spaced(b"        "), _spaced(b"    "), unfolded_field, _tidy,
    _filled(b" "), _filled(b"\t"), _filled(b" ", 76), _filled(b"\t", 76),
    _behind(b",", b" "), _behind(b",", b"\t"), _behind(b",", b"        "),
    _behind(b">", b" "), _behind(b">", b"\t"), _behind(b";", b" "), _behind(b";", b"\t"),
)  # fmt: skip
"""Ways to fold a field, the usual ones first."""


def restyled(style: Style, raw: bytes) -> bytes:
    """Return a field folded in a way; one that is longer than servers fold stays as it is."""
    return style(raw) if len(raw) <= _MOST_OCTETS else raw


def folded_otherwise(raw: bytes) -> Iterator[bytes]:
    """Yield a field as other programs would have folded it, each way once; none of a long one."""
    if len(raw) > _MOST_OCTETS:
        return
    seen = {raw}
    for style in STYLES:
        made = style(raw)
        if made not in seen:
            seen.add(made)
            yield made
    name, colon, value = raw.partition(b":")
    close = name + colon + value.lstrip(b" \t")
    if close not in seen and value[:1] in {b" ", b"\t"}:
        yield close
