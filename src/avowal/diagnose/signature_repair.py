"""A b= that was damaged on the way, put right: what is right only the key can tell.

Valid padding inside an RSA signature is the proof (RFC 8017 §8.2.2): no other text of b= has it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from avowal.message import CRLF, Field
from avowal.taglist import TagList, without_fws

STEP = "signature-damaged"
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/]")
_BLANK = re.compile(rb"(?<=[A-Za-z0-9+/]) (?=[A-Za-z0-9+/=])")


def readings(field: Field) -> Iterator[bytes]:
    """Yield a signature that cannot be read, whole, with what is known to happen to b= undone.

    Blanks that were plus signs, quoted-printable, letters of URLs, marks of quotes, lost padding.
    """
    found = TagList.salvage(field.raw[field.colon + 1 :]).by_name.get("b")
    if found is None:
        return
    start = field.colon + 1
    before, text = (
        field.raw[: start + found.start],
        field.raw[start + found.start : start + found.stop],
    )
    seen = {text}
    for plain in (text, text.replace(b"=" + CRLF, b"").replace(b"=3D", b"=")):
        for made in (plain, _BLANK.sub(b"+", plain), plain.replace(b"-", b"+").replace(b"_", b"/")):
            padded = _padded(made)
            if padded is not None and padded not in seen:
                seen.add(padded)
                yield before + padded + field.raw[start + found.stop :]


def _padded(text: bytes) -> bytes | None:
    letters = _FOREIGN.sub(b"", text)
    whole = letters + b"=" * (-len(letters) % 4)
    try:
        binascii.a2b_base64(whole, strict_mode=True)
    except binascii.Error:
        return None
    return whole


def spellings(field: Field, *, every: bool) -> Iterator[bytes]:
    """Yield a signature, whole, with one letter of b= in the other case, or two exchanged.

    With `every` one letter becomes each other letter too.
    """
    found = TagList.salvage(field.raw[field.colon + 1 :]).by_name.get("b")
    if found is None:
        return
    start, stop = field.colon + 1 + found.start, field.colon + 1 + found.stop
    text = without_fws(field.raw[start:stop])
    for made in _near(text, every=every):
        yield field.raw[:start] + made + field.raw[stop:]


def _near(text: bytes, *, every: bool) -> Iterator[bytes]:
    for at, letter in enumerate(text):
        one = bytes((letter,))
        if one.swapcase() != one:
            yield text[:at] + one.swapcase() + text[at + 1 :]
        if at and text[at - 1] != letter:
            yield text[: at - 1] + one + text[at - 1 : at] + text[at + 1 :]
    if every:
        for at in range(len(text)):
            for other in _LETTERS:
                if other != text[at]:
                    yield text[:at] + bytes((other,)) + text[at + 1 :]
