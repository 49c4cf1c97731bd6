"""Redaction of reports about a message: no person in them, and equal names stay equal (RFC 6590).

A local part becomes a keyed hash of itself: whoever gets several reports sees that they name the
same mailbox, and not which.  Of a header those fields are kept that tell how a message travelled
and who signed it, reduced to what names hosts and domains; the others are left out whole.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from avowal.message import CRLF, Field, Header
from avowal.valueclass import value

_DIGEST_OCTETS: Final = 12  # 96 bits: equal hashes are equal names
_LOCAL = frozenset(
    b"!#$%&'*+-/=?^_`{|}~.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
_DOMAIN = re.compile(rb"[A-Za-z0-9_.\-\x80-\xff\[\]:]*+")
_HOST = re.compile(rb"[A-Za-z0-9_.\-\[\]:()]{1,255}")
# A control octet that is no tab, or a CR or LF that is no part of a fold.
_UNWRITABLE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n[ \t])|(?<!\r)\n")
_MOST_LINE: Final = 998  # octets, RFC 5322 §2.1.1
_SIGNATURE_TAGS = frozenset(b"v a b bh c cv d h i l q s t x".split())
MOST_FIELDS: Final = 200
"""Fields of a reported header; those further down are left out, as the report says."""
MOST_OCTETS: Final = 64 << 10
"""Octets of a reported header; a field that would pass them is left out."""
MOST_READ: Final = 128 << 10
"""Octets of the values that are read for it; what follows is left out."""
MOST_ADDRESSES: Final = 2000
"""Signs ``@`` in them: for each one a hash is computed."""


class Redactor:
    """Hides local parts by HMAC-SHA256 under a key of ours (RFC 6590 §3)."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def local_part(self, local: bytes) -> bytes:
        """Return what stands for a local part: the same for the same one."""
        digest = hmac.digest(self._key, local, hashlib.sha256)[:_DIGEST_OCTETS]
        return base64.urlsafe_b64encode(digest)

    def address(self, address: bytes) -> bytes:
        """Return an address without its person; what has no ``@`` is taken for a local part."""
        local, at, domain = address.rpartition(b"@")
        if not at:
            return self.local_part(address) if address else b""
        return (self.local_part(local) if local else b"") + b"@" + domain

    def text(self, octets: bytes) -> bytes:
        """Redact every address in a text.  Linear in its length."""
        pieces = octets.split(b"@")
        done = []
        for piece in pieces[:-1]:
            start = _local_start(piece)
            local = piece[start:]
            done.append(piece[:start] + (self.local_part(local) if local else b""))
        return b"@".join((*done, pieces[-1]))


@value
class RedactedHeader:
    """What a report shows of a header: its octets, and how many fields were left out."""

    octets: bytes
    left_out: int


def redacted_header(header: Header, redactor: Redactor) -> RedactedHeader:
    """Return a header as it may be shown to others."""
    kept: list[bytes] = []
    left_out = size = 0
    room = _Room()
    for number, field in enumerate(header):
        writer = _FIELDS.get(field.name) if number < MOST_FIELDS else None
        read = writer is not None and room.takes(field.value)
        text = writer(field.value, redactor) if read and writer is not None else None
        line = b"" if text is None else _line(field, text)
        if text is None or size + len(line) > MOST_OCTETS or _is_too_long(line):
            left_out += 1
            continue
        size += len(line)
        kept.append(line)
    return RedactedHeader(octets=b"".join(kept), left_out=left_out)


class _Room:
    """What may still be read: work is bounded before anything is built."""

    __slots__ = ("addresses", "octets")

    def __init__(self) -> None:
        self.octets = MOST_READ
        self.addresses = MOST_ADDRESSES

    def takes(self, value: bytes) -> bool:
        """Whether there is room for a value; it is used up then."""
        octets, addresses = self.octets - len(value), self.addresses - value.count(b"@")
        if octets < 0 or addresses < 0:
            return False
        self.octets, self.addresses = octets, addresses
        return True


def _line(field: Field, text: bytes) -> bytes:
    """Return a field as it is written: one of its name whatever its value holds (RFC 5322 §2.2)."""
    return field.raw[: field.colon] + b": " + _UNWRITABLE.sub(b"?", text) + CRLF


def _is_too_long(line: bytes) -> bool:
    """Whether mail cannot carry it (RFC 5322 §2.1.1)."""
    return len(line) > _MOST_LINE and max(map(len, line.split(CRLF))) > _MOST_LINE


def _local_start(piece: bytes) -> int:
    """Return where the local part begins that a piece before an ``@`` ends with."""
    if piece.endswith(b'"'):  # a quoted string (RFC 5322 §3.2.4)
        return max(piece.rfind(b'"', 0, -1), 0)
    start = len(piece)
    while start > 0 and (piece[start - 1] in _LOCAL or piece[start - 1] > 0x7F):
        start -= 1
    return start


# -- how a field is shown: None where it is left out -------------------------------------------

Writer = Callable[[bytes, Redactor], bytes | None]


def _addresses(value: bytes, redactor: Redactor) -> bytes | None:
    """Only the addresses: display names and comments are persons."""
    pieces, found = value.split(b"@"), []
    for before, behind in pairwise(pieces):
        local = before[_local_start(before) :]
        domain = _DOMAIN.match(behind)
        if domain is not None:
            found.append(b"<" + redactor.address(local + b"@" + domain[0]) + b">")
    return b",\r\n ".join(found) if found else None


def _signature(value: bytes, redactor: Redactor) -> bytes | None:
    """The tags that tell of a signature; z= holds other fields, and unknown ones anything."""
    tags = (tag.partition(b"=") for tag in value.split(b";"))
    kept = [
        b"%s=%s" % (name.strip(), _tag(name.strip(), b" ".join(text.split()), redactor))
        for name, equals, text in tags
        if equals and name.strip() in _SIGNATURE_TAGS
    ]
    return b";\r\n ".join(kept) if kept else None


def _tag(name: bytes, text: bytes, redactor: Redactor) -> bytes:
    """Before the @ of i= all is one local part, quoted or not (RFC 6376 §3.5 i=)."""
    return redactor.address(text) if name == b"i" and b"@" in text else redactor.text(text)


def _received(value: bytes, redactor: Redactor) -> bytes | None:
    """The hosts and the time: comments and ``for`` name persons (RFC 5321 §4.4)."""
    path, _, date = value.rpartition(b";")
    shown = b" ".join(_path_words(path.split()))
    return shown + b"; " + _date(date, redactor) if shown else None


def _path_words(words: list[bytes]) -> Iterator[bytes]:
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else b""
        if word in (b"from", b"by", b"with") and _HOST.fullmatch(following):
            yield word + b" " + following
        elif b"[" in word and b"]" in word and b"@" not in word and _HOST.fullmatch(word):
            yield b"(" + word[word.index(b"[") : word.rindex(b"]") + 1] + b")"


def _date(value: bytes, redactor: Redactor) -> bytes:
    """A date without its comment, which names a place."""
    return redactor.text(b" ".join(value.partition(b"(")[0].split()))


def _word(value: bytes, redactor: Redactor) -> bytes | None:
    """The first word: parameters name files and programs."""
    return redactor.text(value.partition(b";")[0].strip(b" \t\r\n")[:255])


def _identifier(value: bytes, redactor: Redactor) -> bytes | None:
    """What stands in angle brackets, as it is: the owner looks for it in his logs."""
    start, end = value.find(b"<"), value.find(b">")
    return value[start : end + 1] if 0 <= start < end <= start + 900 else None


_FIELDS: dict[bytes, Writer] = {
    **dict.fromkeys((b"from", b"sender", b"reply-to", b"to", b"cc", b"return-path"), _addresses),
    **dict.fromkeys((b"resent-from", b"resent-sender", b"resent-to"), _addresses),
    **dict.fromkeys((b"dkim-signature", b"arc-message-signature", b"arc-seal"), _signature),
    b"received": _received,
    b"date": _date,
    b"content-type": _word,
    b"mime-version": _word,
    b"message-id": _identifier,
    b"list-id": _identifier,
}
SHOWN: Final = tuple(sorted(name.decode() for name in _FIELDS))
"""The names of the fields that a report shows, in lower case."""
