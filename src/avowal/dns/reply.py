"""Replies of name servers, read as far as answers need (RFC 1035 §4.1).

Octets of strangers: every length is checked, names point backwards only, nothing is
copied that is not asked for.  Addresses, names and TXT are read here; RDATA of every other
type is left to dnspython, which knows them all.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from avowal.dns.wirename import Malformed, Name, Names

NS, CNAME, SOA, PTR, MX, TXT = 2, 5, 6, 12, 15, 16
_ADDRESSES = {1: (AF_INET, 4), 28: (AF_INET6, 16)}  # A, AAAA
_MOST_OTHERS = 200  # records of the types that dnspython reads: a quarter of a millisecond each
_NAMES = frozenset((NS, CNAME, PTR))
_OPT, _CLASS_IN = 41, 1
_HEADER = struct.Struct("!HHHHHH")
_QUESTION_TAIL = 4
_RECORD = struct.Struct("!HHIH")
_MAX_TTL = 2**31 - 1  # RFC 2181 §8: larger counts as 0
AA, RA, AD = 0x0400, 0x0080, 0x0020
NOERROR, SERVFAIL, NXDOMAIN, REFUSED, NOTAUTH = 0, 2, 3, 5, 9


class ResourceRecord(NamedTuple):
    """One resource record: owner in lower-cased wire form, and where its RDATA stands."""

    name: bytes
    type: int
    ttl: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class DnsReply:
    """A message: its flags, its RCODE with the upper bits of EDNS, and its records of class IN."""

    octets: bytes
    flags: int
    rcode: int
    answer: tuple[ResourceRecord, ...]
    authority: tuple[ResourceRecord, ...]
    names: Names

    @classmethod
    def parse(cls, octets: bytes) -> DnsReply:
        """Read a message.  Raises Malformed."""
        try:
            return cls._parse(octets)
        except (struct.error, IndexError):
            raise Malformed("cut off") from None

    @classmethod
    def _parse(cls, octets: bytes) -> DnsReply:
        header: tuple[int, ...] = _HEADER.unpack_from(octets)
        _, flags, questions, answers, authorities, additionals = header
        place = _HEADER.size
        names = Names(octets)
        for _ in range(questions):
            _, place = names.at(place)
            place += _QUESTION_TAIL
        rcode = flags & 0xF
        sections: list[tuple[ResourceRecord, ...]] = []
        for count in (answers, authorities, additionals):
            records = []
            for _ in range(count):
                name, place = names.at(place)
                fixed: tuple[int, ...] = _RECORD.unpack_from(octets, place)
                rrtype, rrclass, ttl, length = fixed
                place += _RECORD.size
                stop = place + length
                if stop > len(octets):
                    raise Malformed("RDATA beyond the end")
                if rrtype == _OPT:
                    rcode |= ttl >> 24 << 4  # RFC 6891 §6.1.3
                elif rrclass == _CLASS_IN:
                    ttl = ttl if ttl <= _MAX_TTL else 0
                    records.append(ResourceRecord(name.wire.lower(), rrtype, ttl, place, stop))
                place = stop
            sections.append(tuple(records))
        if place != len(octets):
            raise Malformed("octets behind the end")
        return cls(octets, flags, rcode, sections[0], sections[1], names)

    def target(self, alias: ResourceRecord) -> bytes:
        """Return the name a CNAME leads to.  Raises Malformed."""
        return self._name(alias.start, alias.stop).wire.lower()

    def minimum(self, soa: ResourceRecord) -> int:
        """Return the last number of a SOA: how long an absence holds (RFC 2308 §4)."""
        if soa.stop - soa.start < 22:  # two names and five numbers
            raise Malformed("a SOA too short")
        return int.from_bytes(self.octets[soa.stop - 4 : soa.stop], "big")

    def presentation(self, record: ResourceRecord) -> bytes:
        """Write a record as `lookup.Answer` says.  Raises Malformed."""
        if record.type == TXT:
            return self._joined(record)  # RFC 6376 §3.6.2.2
        if record.type in _ADDRESSES:
            return self._address(record)
        if record.type in _NAMES:
            return self._name(record.start, record.stop).text.encode()
        if record.type == MX and record.stop - record.start > 2:
            preference = int.from_bytes(self.octets[record.start : record.start + 2], "big")
            return f"{preference} {self._name(record.start + 2, record.stop).text}".encode()
        if len(self.answer) > _MOST_OTHERS:
            raise Malformed("more records of such a type than are read")
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

    def _address(self, record: ResourceRecord) -> bytes:
        octets = self.octets[record.start : record.stop]
        family, size = _ADDRESSES[record.type]
        if len(octets) != size:
            raise Malformed("an address of another length")
        return inet_ntop(family, octets).encode()

    def _name(self, start: int, stop: int) -> Name:
        """Read a name that fills RDATA up to its end."""
        try:
            name, end = self.names.at(start)
        except IndexError:
            raise Malformed("a name beyond the end") from None
        if end != stop:
            raise Malformed("a name of another length")
        return name

    def _joined(self, record: ResourceRecord) -> bytes:
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


def is_within(name: bytes, above: bytes) -> bool:
    """Whether a name in wire form is `above` or below it, by whole labels."""
    place = 0
    while len(name) - place > len(above):
        place += 1 + name[place]
    return name[place:] == above
