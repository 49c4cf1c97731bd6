"""Data of any record type as zone files write it, read with dnspython, which knows them all."""

from __future__ import annotations

import struct

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from avowal.dns.reply import presentation

# dnspython before 2.8 lets the error of struct through for an escape beyond one octet (\\999).
_FAULTS = (dns.exception.DNSException, struct.error)


def of_text(rrtype: str, written: str, origin: str) -> tuple[str, bytes]:
    """Return the mnemonic of a type and a record as `lookup.Answer` says.

    Names within are relative to `origin`.  Raises ValueError.
    """
    try:
        known = dns.rdatatype.from_text(rrtype)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"no record type: {rrtype!r}") from None
    try:
        data = dns.rdata.from_text(
            dns.rdataclass.IN, known, written, dns.name.from_text(origin), relativize=False
        )
    except _FAULTS as error:
        raise ValueError(str(error) or f"data of another form than that of {rrtype}") from None
    return dns.rdatatype.to_text(known), presentation(data)


def name_of_text(written: str, origin: str) -> str:
    """Return a name with escapes or beyond ASCII, complete, in lower-case presentation form.

    Raises ValueError.
    """
    try:
        name = dns.name.from_text(written, dns.name.from_text(origin))
    except _FAULTS as error:
        raise ValueError(str(error) or f"no domain name: {written}") from None
    return name.to_text(omit_final_dot=True).lower()
