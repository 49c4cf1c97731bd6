"""A field as a mail program shows it: decoded, one line, nothing in it obeyed."""

from __future__ import annotations

from typing import Final

from avowal.lists.encoded_words import decode
from avowal.message import CRLF, Header
from avowal.text import printable

# Blanks of other scripts and of typography (Unicode's Zs) are no secret: a blank is what is seen.
_BLANKS: Final = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " ")


def field_line(header: Header, name: bytes, *, octets: int, most: int) -> str:
    """Return the first field of a name as a reader sees it, "" for none.

    `octets` of the value are looked at, `most` characters shown.
    """
    fields = header.named(name)
    if not fields:
        return ""
    value = fields[0].value.replace(CRLF, b"").strip(b" \t")
    return printable(decode(value[:octets]).translate(_BLANKS), most=most)
