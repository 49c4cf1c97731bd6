"""A signature field octet for octet as dkimpy writes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from avowal.dkim.layout import FIELD_NAME, Tags
from avowal.message import CRLF, Header

_WIDTH = 72  # octets of a line, with the space it is folded with
_PLACEHOLDER = b"0" * 60  # stands for b= while the other tags are folded
_ORDER = ("v", "a", "c", "d", "i", "l", "q", "s", "t", "h", "bh")


def fold(header: bytes, namelen: int = 0, linesep: bytes = CRLF) -> bytes:
    """Fold at the last space of each line, or anywhere when it has none.

    `namelen` octets of the first line are taken already.
    """
    done, line_end, rest = header.rpartition(CRLF)
    lines = []
    room = _WIDTH - namelen
    while len(rest) > room:
        space = rest.rfind(b" ", 0, room)
        line, rest = (rest[:room], rest[room:]) if space < 0 else (rest[:space], rest[space + 1 :])
        lines.append(line)
        room = _WIDTH - 1
    return done + line_end + (linesep + b" ").join([*lines, rest])


def until_signature(field_name: bytes, specs: Sequence[bytes]) -> tuple[bytes, int]:
    """Return a field up to ``b=``, and the column behind that."""
    text = b"; ".join([*specs, b"b=" + _PLACEHOLDER])
    folded = field_name + b": " + fold(text, namelen=len(field_name))  # ": " is not counted
    made = folded.removesuffix(_PLACEHOLDER)
    return made, len(made) - (made.rfind(CRLF) + len(CRLF))


class Dkimpy:
    """dkimpy's order of tags, its spaces and its folds."""

    def signed_names(
        self, header: Header, names: Sequence[bytes], oversigned: Collection[bytes]
    ) -> tuple[bytes, ...]:
        """List the names as they are given: the caller has counted them."""
        return tuple(names)

    def unsigned(self, tags: Tags) -> tuple[bytes, int]:
        """Write the field up to ``b=``."""
        values = {name: b"".join(tokens) for name, tokens in tags}
        values["q"] = b"dns/txt"
        values["h"] = b" : ".join(values["h"].split(b":"))
        specs = [b"%s=%s" % (name.encode(), values[name]) for name in _ORDER if name in values]
        return until_signature(FIELD_NAME, specs)

    def base64(self, text: bytes, column: int) -> bytes:
        """Fold the signature behind ``b=``."""
        return fold(text, namelen=column)


DKIMPY = Dkimpy()
