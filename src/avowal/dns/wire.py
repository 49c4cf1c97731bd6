"""DNS messages: the query we write, and the doubt whether a reply belongs to it (RFC 1035 §4).

A query is forty octets of fixed shape and is written here, because dnspython's message
classes take eighty times as long for it.  Replies come from strangers: `belongs` sorts out
what does not answer our query before `reply` reads them.
"""

from __future__ import annotations

import os
import struct
from functools import lru_cache

import dns.rdatatype

from avowal.names import MAX_LABEL

_HEADER = struct.Struct("!HHHHHH")
_RD, _AD = 0x0100, 0x0020  # AD: we understand the AD bit of the answer (RFC 6840 §5.7)
_CD = 0x0010
_MAX_NAME_OCTETS = 255  # RFC 1035 §2.3.4: length octets and the root included
_CLASS_IN = 1
_OPT = 41
FORMERR, NOTIMP = 1, 4  # RFC 1035 §4.1.1


def name_octets(name: str) -> bytes | None:
    """Encode a name of A-labels; None for one that cannot stand in DNS.

    Empty labels, labels over 63 octets, names over 255 and characters beyond ASCII have
    no wire form (RFC 1035 §2.3.4).  A backslash is an octet like any other.
    """
    if not name.isascii():
        return None
    encoded = bytearray()
    for label in name.removesuffix(".").split(".") if name not in {"", "."} else ():
        if not 0 < len(label) <= MAX_LABEL:
            return None
        encoded.append(len(label))
        encoded += label.encode("ascii")
    encoded.append(0)
    return bytes(encoded) if len(encoded) <= _MAX_NAME_OCTETS else None


@lru_cache(maxsize=256)
def rrtype(mnemonic: str) -> int | None:
    """Return the number of an RR type, TYPEnnnn included (RFC 3597 §5).

    None for an unknown mnemonic and for what is no record, such as ANY or AXFR.
    """
    try:
        number = dns.rdatatype.from_text(mnemonic)
    except (dns.rdatatype.UnknownRdatatype, ValueError):
        return None
    return None if dns.rdatatype.is_metatype(number) or not number else int(number)


def query(
    name: bytes,
    number: int,
    *,
    payload: int | None,
    recursion: bool = True,
    unchecked: bool = False,
) -> bytes:
    """Write a query with a random id (RFC 5452 §4.3).

    `payload` is the UDP size we take (EDNS, RFC 6891 §6.2.3), None for a query without EDNS;
    `recursion` asks the server to ask others (RD, RFC 1035 §4.1.1), `unchecked` not to
    validate (CD, RFC 4035 §3.2.2).
    """
    additional = 0 if payload is None else 1
    identifier = int.from_bytes(os.urandom(2), "big")
    flags = _AD | (_RD if recursion else 0) | (_CD if unchecked else 0)
    octets = _HEADER.pack(identifier, flags, 1, 0, 0, additional) + name
    octets += struct.pack("!HH", number, _CLASS_IN)
    if payload is not None:
        octets += struct.pack("!BHHIH", 0, _OPT, payload, 0, 0)
    return octets


def belongs(reply: bytes, asked: bytes) -> bool:
    """Whether `reply` is a response to the query `asked`: id, QR, opcode and question.

    The question's name is compared as a whole, label by label, without the case of ASCII
    letters: some servers answer in their own.  Type and class are compared as they are.
    """
    if len(reply) < _HEADER.size:
        return False
    header: tuple[int, ...] = _HEADER.unpack_from(reply)
    identifier, flags, questions, *_ = header
    if identifier != int.from_bytes(asked[:2], "big") or flags & 0xF800 != 0x8000:
        return False
    if questions == 0:  # a server that could not even read the query returns none
        return flags & 0xF in {FORMERR, NOTIMP}
    end = _name_end(asked, _HEADER.size)
    same_name = reply[_HEADER.size : end].lower() == asked[_HEADER.size : end].lower()
    return questions == 1 and same_name and reply[end : end + 4] == asked[end : end + 4]


def _name_end(query: bytes, place: int) -> int:
    """Return what follows a name of our own; any octet may stand in a label, 0 too."""
    while query[place]:
        place += 1 + query[place]
    return place + 1


def rcode(reply: bytes) -> int:
    """Return the RCODE of the header (without the upper bits that EDNS adds)."""
    return reply[3] & 0xF


def truncated(reply: bytes) -> bool:
    """Whether the TC bit is set (RFC 2181 §9)."""
    return bool(reply[2] & 0x02)
