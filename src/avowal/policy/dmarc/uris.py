"""Report addresses: the comma lists of rua= and ruf= (RFC 9989 §4.7, RFC 7489 §6.2).

A URI with a scheme other than mailto is kept and never written to.  The size that RFC 7489
allowed behind a "!" is read and, as RFC 9989 asks, means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from avowal.limits import DEFAULT
from avowal.names import DomainName, Identity, NameFault
from avowal.policy.trace import excerpt

_URI = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*+:[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a~]++")
_SIZE = re.compile(rb"([0-9]{1,15})[ \t]*([kmgtKMGT])?")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")  # RFC 3986 §2.1
_FACTORS = {b"": 1, b"k": 1 << 10, b"m": 1 << 20, b"g": 1 << 30, b"t": 1 << 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUri:
    """One URI; `address` is None unless it is a usable mailto.  `size_limit` is in octets."""

    uri: str
    address: Identity | None
    size_limit: int | None = None

    @property
    def domain(self) -> DomainName | None:
        """The host that would receive the reports."""
        return None if self.address is None else self.address.domain


def read_uris(value: bytes) -> tuple[ReportUri, ...]:
    """Read a list; what is no URI is left out.  Raises ValueError when nothing is left."""
    uris = []
    for written in value.split(b",", DEFAULT.report_uris)[: DEFAULT.report_uris]:
        uri, exclamation, size = written.strip(b" \t").partition(b"!")
        uri = uri.strip(b" \t")
        limit = _size(size.strip(b" \t")) if exclamation else None
        if _URI.fullmatch(uri) is not None:
            uris.append(ReportUri(uri=uri.decode(), address=_address(uri), size_limit=limit))
    if not uris:
        raise ValueError(f"{excerpt(value)!r} holds no URI")
    return tuple(uris)


def _size(written: bytes) -> int | None:
    size = _SIZE.fullmatch(written)
    return None if size is None else int(size[1]) * _FACTORS[(size[2] or b"").lower()]


def _address(uri: bytes) -> Identity | None:
    scheme, _, rest = uri.partition(b":")
    if scheme.lower() != b"mailto":
        return None
    path = rest.partition(b"?")[0]  # RFC 6068 §2
    decoded = _PERCENT.sub(lambda escape: bytes.fromhex(escape[1].decode()), path)
    local_part, _, domain = decoded.rpartition(b"@")
    try:
        # White space around the local part belongs to neither (RFC 5322 §4.4 obs-local-part).
        address = Identity.parse(local_part.strip(b" \t") + b"@" + domain)
    except NameFault:
        return None
    return address if address.local_part else None
