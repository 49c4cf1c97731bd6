"""The octets that an encoded word stands for (RFC 2047 §4), as lenient readers decode them.

Which characters they are is left to who knows the charset.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from typing import Final

MOST_READINGS: Final = 3
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ESCAPE: Final = re.compile(rb"=([0-9A-Fa-f]{2})")  # RFC 2047 §4.2
_OTHERS: Final = bytes(set(range(256)).difference(_ALPHABET, b"="))


def word_octets(encoding: bytes, text: bytes) -> tuple[bytes, ...]:
    """Return what readers make of the text of a word, the usual reading first.

    `encoding` is B or Q.  Base64 without its padding is read by all, other octets are passed
    over (RFC 2045 §6.8), a letter too many goes.  Behind a padding some end, some begin a new
    group, some go on: `MOST_READINGS` at most.
    What is no escape stands for itself.  Raises nothing.
    """
    if encoding in b"Qq":
        return (_ESCAPE.sub(_octet, text.replace(b"_", b" ")),)
    digits = text.translate(None, _OTHERS)
    if b"=" not in digits:
        return (_decoded(digits),)
    parted = b"".join(map(_decoded, digits.split(b"=")))
    return tuple(dict.fromkeys((_padded(digits), parted, _decoded(digits.replace(b"=", b"")))))


def _octet(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode())


def _padded(digits: bytes) -> bytes:
    """Decode up to a padding that ends a group of four; another one counts for nothing."""
    for ended in (digits, digits + b"==", digits[:-1] + b"=="):
        try:
            return a2b_base64(ended)
        except Error:
            continue
    return b""


def _decoded(digits: bytes) -> bytes:
    kept = digits[: len(digits) - (len(digits) % 4 == 1)]
    return a2b_base64(kept + b"=" * (-len(kept) % 4))
