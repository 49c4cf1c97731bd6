"""Address lists as they are spelled: each mailbox's own octets, its name and its address.

`avowal.addresslist` reads who is meant; here it matters how it is written (RFC 5322 §3.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from avowal.diagnose.field_subject import encodings
from avowal.lists.encoded_words import decode

_SPACES = re.compile(rb"[ \t\r\n]++")
_ESCAPED = re.compile(rb"\\(.)")
_SPECIAL = re.compile(rb'[][\\()<>@,:;".]')  # RFC 5322 §3.2.3
_NO_ATOM = re.compile(rb"[^A-Za-z0-9 !#$%&*+/=?^_`{|}~\x80-\xff-]")  # apostrophes are quoted too
MOST_ADDRESSES = 200  # of one field that are taken apart
_MOST_OCTETS = 64 << 10


class Spelled(NamedTuple):
    """A mailbox: its display name without quotes, and its address as written."""

    name: bytes
    address: bytes

    @property
    def key(self) -> bytes:
        """The address, lower-cased."""
        return self.address.lower()

    def written(self, *, quoted: bool | None = None) -> bytes:
        """Write it; None quotes the name where its octets ask for that."""
        if not self.name:
            return self.address
        if quoted is None:
            quoted = _SPECIAL.search(self.name) is not None
        name = self.name
        if quoted:
            name = b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        return name + b" <" + self.address + b">"


def split_addresses(value: bytes) -> list[bytes]:
    """Cut an unfolded list at its commas; white space is reduced, quoted strings stay whole."""
    octets = value.replace(b"\r\n", b"")[:_MOST_OCTETS]
    found: list[bytes] = []
    start = depth = at = 0
    quoted = False
    while at < len(octets):
        octet = octets[at]
        if octet == 0x5C and (quoted or depth):
            at += 1
        elif octet == 0x22 and not depth:
            quoted = not quoted
        elif octet == 0x28 and not quoted:
            depth += 1
        elif octet == 0x29 and not quoted and depth:
            depth -= 1
        elif octet == 0x2C and not quoted and not depth:
            found.append(octets[start:at])
            start = at + 1
        at += 1
    found.append(octets[start:])
    reduced = [_SPACES.sub(b" ", one).strip(b" ") for one in found]
    return [one for one in reduced if one][:MOST_ADDRESSES]


def spelled(mailbox: bytes) -> Spelled:
    """Take a mailbox apart."""
    if mailbox.endswith(b">"):
        name, _, address = mailbox[:-1].rpartition(b"<")
        name = name.strip(b" ")
        if len(name) > 1 and name.startswith(b'"') and name.endswith(b'"'):
            name = _ESCAPED.sub(rb"\1", name[1:-1])
        return Spelled(name, address.strip(b" "))
    if mailbox.endswith(b")"):
        address, _, name = mailbox[:-1].partition(b" (")
        return Spelled(name, address)
    return Spelled(b"", mailbox.strip(b"<> "))


def list_spellings(mailboxes: Sequence[bytes]) -> Iterator[tuple[float, str, list[bytes]]]:
    """Yield ways to write a whole list, each with its price and whether it is as it stands."""
    parted = [spelled(one) for one in mailboxes]
    yield 0, "", list(mailboxes)
    for bits, written in (
        (2, [one.written() for one in parted]),
        (3, [one.written(quoted=False) for one in parted]),
        (4, [one.written(quoted=_NO_ATOM.search(one.name) is not None) for one in parted]),
        (4, [one.written(quoted=True) for one in parted]),
        (5, [one.written() if one.name else b"<" + one.address + b">" for one in parted]),
        (
            6,
            [one.written(quoted=True) if one.name else b"<" + one.address + b">" for one in parted],
        ),
        (7, [one.address for one in parted]),
        (7, [one.written().replace(b" <", b"<") for one in parted]),
        (7, [b"<" + one.address + b">" for one in parted]),
    ):
        yield bits, "respelled", written
    for number, row in enumerate(_recoded(parted)):
        yield 4 + number * 0.5, "respelled", row


def _recoded(parted: Sequence[Spelled]) -> Iterator[list[bytes]]:
    """Yield a list whose names that are not ASCII are encoded in each of several ways."""
    texts = [decode(one.name) if b"=?" in one.name else _text(one.name) for one in parted]
    if all(text is None or text.isascii() for text in texts):
        return
    ways = [list(encodings(text)) if text and not text.isascii() else None for text in texts]
    for number in range(max(len(way) for way in ways if way)):
        for quoted in (False, True):
            row = []
            for one, way in zip(parted, ways, strict=True):
                if way is None:
                    row.append(one.written())
                else:
                    renamed = one._replace(name=way[min(number, len(way) - 1)])
                    row.append(renamed.written(quoted=quoted))
            yield row


def _text(octets: bytes) -> str | None:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None


def folded_by_exchange(mailboxes: Sequence[bytes], width: int, column: int) -> bytes:
    """Write a list as Exchange does, which quotes the name that begins a folded line."""
    written = b""
    for number, mailbox in enumerate(mailboxes):
        one = spelled(mailbox)
        shown = one.written()
        last = number == len(mailboxes) - 1
        if number and column + 2 + len(one.name or shown) + (not last) > width:
            plain = one.name and _SPECIAL.search(one.name) is None
            shown = one.written(quoted=True) if plain else shown
            written += b", " + shown
            column = 1 + len(shown)
        else:
            written += (b", " if number else b"") + shown
            column += len(shown) + (2 if number else 0)
        if one.name and column > width:
            column = 2 + len(one.address) + 1
    return written
