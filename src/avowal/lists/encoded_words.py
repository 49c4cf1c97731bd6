"""Encoded words (RFC 2047): header text as people read it, and text as header octets.

Reading is lenient as mail programs are; what is written keeps to the letter: whole characters,
short words (§2), no octet that a phrase forbids (§5 (3)).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from avowal.lists.charsets import DECODABLE
from avowal.word_octets import word_octets

_WORD = re.compile(rb"=\?([^\s?]{1,40})\?([BbQq])\?([^?\r\n]*+)\?=")
_GAP = re.compile(rb"[ \t\r\n]*+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_MOST = 66  # octets of one word: 75 by §2, and with "Subject: " before it a line of 76 holds it
MOST_OCTETS = 64 << 10  # of a value whose words are decoded
_FRAME = len(b"=?utf-8?q??=")
_PLAIN = frozenset(b" ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_SPACE = 0x20
_HEX = b"0123456789ABCDEF"


def decode(value: bytes) -> str:
    """Return the text of an unstructured value or a phrase, unfolded (RFC 5322 §2.2.3).

    White space between two encoded words is not shown (RFC 2047 §6.2).  A word in an unknown
    charset stays as it is written, and so does a value beyond `MOST_OCTETS`; what is no UTF-8
    outside of words becomes U+FFFD.
    """
    octets = _FOLD.sub(b"", value)
    if len(octets) > MOST_OCTETS:
        return octets.decode("utf-8", "replace")
    return "".join(_pieces(octets))


def _pieces(octets: bytes) -> Iterator[str]:
    end, behind_word = 0, False
    for found in _WORD.finditer(octets):
        text = _text(*found.groups())
        if text is None:
            continue
        between = octets[end : found.start()]
        if not (behind_word and _GAP.fullmatch(between)):
            yield between.decode("utf-8", "replace")
        yield text
        end, behind_word = found.end(), True
    yield octets[end:].decode("utf-8", "replace")


def _text(charset: bytes, encoding: bytes, octets: bytes) -> str | None:
    codec = DECODABLE.get(charset.partition(b"*")[0].lower())  # RFC 2231 §5: a language
    if codec is None:
        return None
    raw = word_octets(encoding, octets)[0]
    return raw.decode(codec, "replace") if raw or not octets else None


def encode(text: str) -> list[bytes]:
    """Return encoded words for a text, in order, to be written with white space between them.

    They may stand anywhere that RFC 2047 §5 allows one, in a phrase too.
    """
    words: list[bytes] = []
    piece = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if piece and _length(piece + octets) > _MOST:
            words.append(_word(piece))
            piece = b""
        piece += octets
    return [*words, _word(piece)] if piece else words


def _length(octets: bytes) -> int:
    if _reads_as_it_is(octets):
        return _FRAME + sum(1 if octet in _PLAIN else 3 for octet in octets)
    return _FRAME + (len(octets) + 2) // 3 * 4


def _reads_as_it_is(octets: bytes) -> bool:
    """Whether encoding "q" leaves most of it to be read (RFC 2047 §4)."""
    return 2 * sum(octet in _PLAIN for octet in octets) >= len(octets)


def _word(octets: bytes) -> bytes:
    if _reads_as_it_is(octets):
        return b"=?utf-8?q?" + b"".join(map(_quoted, octets)) + b"?="
    return b"=?utf-8?b?" + binascii.b2a_base64(octets, newline=False) + b"?="


def _quoted(octet: int) -> bytes:
    if octet == _SPACE:
        return b"_"
    if octet in _PLAIN:
        return bytes((octet,))
    return bytes((0x3D, _HEX[octet >> 4], _HEX[octet & 15]))
