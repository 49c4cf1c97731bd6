"""Importing early what dnspython imports late: with the first answer of each type."""

from __future__ import annotations

import dns.rdata
import dns.rdataclass
import dns.rdatatype

_TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "OPT", "PTR", "SOA", "TXT")


def preload() -> None:
    """Import them now, for a process that gives up the right to read files."""
    for rrtype in _TYPES:
        type_ = dns.rdatatype.from_text(rrtype)
        dns.rdata.get_rdata_class(dns.rdataclass.IN, type_)  # type: ignore[no-untyped-call]
