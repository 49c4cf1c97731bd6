"""Replies of name servers, read as far as answers need (RFC 1035 §4.1).

Octets of strangers: every length is checked, names point backwards only, nothing is
copied that is not asked for.  RDATA of types other than those whose form matters here is
left to dnspython, which knows them all.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

CNAME, SOA, TXT = 5, 6, 16
_OPT, _CLASS_IN = 41, 1
_HEADER = struct.Struct("!HHHHHH")
_QUESTION_TAIL = 4
_RECORD = struct.Struct("!HHIH")
_MAX_NAME = 255  # octets, RFC 1035 §2.3.4
_MAX_TTL = 2**31 - 1  # RFC 2181 §8: larger counts as 0
_POINTER = 0xC0
_MAX_POINTERS = 32  # in one name; writers use one, and a name has 127 labels at most
AA, RA, AD = 0x0400, 0x0080, 0x0020
NOERROR, SERVFAIL, NXDOMAIN, REFUSED, NOTAUTH = 0, 2, 3, 5, 9


class Malformed(ValueError):
    """Octets that are no DNS message."""


class Record(NamedTuple):
    """One resource record: owner in lower-cased wire form, and where its RDATA stands."""

    name: bytes
    type: int
    ttl: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A message: its flags, its RCODE with the upper bits of EDNS, and its records of class IN."""

    octets: bytes
    flags: int
    rcode: int
    answer: tuple[Record, ...]
    authority: tuple[Record, ...]

    @classmethod
    def parse(cls, octets: bytes) -> Reply:
        """Read a message.  Raises Malformed."""
        try:
            return cls._parse(octets)
        except (struct.error, IndexError):
            raise Malformed("cut off") from None

    @classmethod
    def _parse(cls, octets: bytes) -> Reply:
        _, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(octets)
        place = _HEADER.size
        for _ in range(questions):
            _, place = name_at(octets, place)
            place += _QUESTION_TAIL
        rcode = flags & 0xF
        sections: list[tuple[Record, ...]] = []
        for count in (answers, authorities, additionals):
            records = []
            for _ in range(count):
                name, place = name_at(octets, place)
                rrtype, rrclass, ttl, length = _RECORD.unpack_from(octets, place)
                place += _RECORD.size
                stop = place + length
                if stop > len(octets):
                    raise Malformed("RDATA beyond the end")
                if rrtype == _OPT:
                    rcode |= ttl >> 24 << 4  # RFC 6891 §6.1.3
                elif rrclass == _CLASS_IN:
                    records.append(Record(name, rrtype, ttl if ttl <= _MAX_TTL else 0, place, stop))
                place = stop
            sections.append(tuple(records))
        if place != len(octets):
            raise Malformed("octets behind the end")
        return cls(octets, flags, rcode, sections[0], sections[1])

    def target(self, alias: Record) -> bytes:
        """Return the name a CNAME leads to.  Raises Malformed."""
        try:
            name, stop = name_at(self.octets, alias.start)
        except IndexError:
            raise Malformed("a name beyond the end") from None
        if stop != alias.stop:
            raise Malformed("a CNAME of another length")
        return name

    def minimum(self, soa: Record) -> int:
        """Return the last number of a SOA: how long an absence holds (RFC 2308 §4)."""
        if soa.stop - soa.start < 22:  # two names and five numbers
            raise Malformed("a SOA too short")
        return int.from_bytes(self.octets[soa.stop - 4 : soa.stop], "big")

    def presentation(self, record: Record) -> bytes:
        """Write a record as `lookup.Answer` says.  Raises Malformed."""
        if record.type == TXT:
            return self._joined(record)  # RFC 6376 §3.6.2.2
        length = record.stop - record.start
        try:
            data = dns.rdata.from_wire(
                dns.rdataclass.IN,
                dns.rdatatype.RdataType.make(record.type),
                self.octets,
                record.start,
                length,
            )
        except (dns.exception.DNSException, ValueError):
            raise Malformed("RDATA of another form") from None
        return presentation(data)

    def _joined(self, record: Record) -> bytes:
        """Join the character-strings of a TXT record; there is one at least (RFC 1035 §3.3.14)."""
        octets, place = self.octets, record.start
        strings = []
        while place < record.stop:
            end = place + 1 + octets[place]
            strings.append(octets[place + 1 : end])
            place = end
        if place != record.stop or not strings:
            raise Malformed("character-strings beyond the end of their record")
        return b"".join(strings)


def presentation(data: dns.rdata.Rdata) -> bytes:
    """Write what dnspython read as `lookup.Answer` says: TXT joined, others without final dots."""
    if data.rdtype == TXT:
        return b"".join(data.strings)  # type: ignore[attr-defined]
    text = data.to_text()
    if '"' not in text:  # a dot before a space within quotes belongs to a string
        words = (word.removesuffix(".") or "." for word in text.split(" "))
        text = " ".join(words)
    return text.encode("utf-8", "surrogateescape")


def name_at(octets: bytes, place: int) -> tuple[bytes, int]:
    """Read a name, compressed or not (RFC 1035 §4.1.4): lower-cased wire form, and what follows.

    Raises Malformed and IndexError.
    """
    labels = bytearray()
    following = -1
    pointers = 0
    while length := octets[place]:
        if length >= _POINTER:
            if following < 0:
                following = place + 2
            pointers += 1
            target = (length & 0x3F) << 8 | octets[place + 1]
            if target >= place or pointers > _MAX_POINTERS:
                raise Malformed("pointers that lead forwards, or nowhere")
            place = target
            continue
        if length > 63:
            raise Malformed("a label of an unknown kind")
        labels += octets[place : place + 1 + length]
        place += 1 + length
        if len(labels) >= _MAX_NAME:
            raise Malformed("a name over 255 octets")
    labels.append(0)
    return bytes(labels).lower(), place + 1 if following < 0 else following


def is_within(name: bytes, above: bytes) -> bool:
    """Whether a name in wire form is `above` or below it, by whole labels."""
    place = 0
    while len(name) - place > len(above):
        place += 1 + name[place]
    return name[place:] == above
