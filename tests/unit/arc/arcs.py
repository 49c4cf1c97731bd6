"""Messages with chains, for the tests of ARC."""

from __future__ import annotations

import dataclasses
from typing import Any

import avowal
from avowal.arc.verdict import ChainVerification
from avowal.authres import AuthenticationResults, MethodResult
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

NOW = 1_800_000_000
KEYS = {"e": ED25519, "r": RSA_2048}
ZONE = Zone(
    {
        f"{selector}._domainkey.{domain}": record_for(key)
        for selector, key in KEYS.items()
        for domain in ("example.com", "list.example", "relay.example", "xn--bcher-kva.example")
    }
)
FOUND = AuthenticationResults(
    "mx.list.example", (MethodResult("spf", "pass", properties=(("smtp.mailfrom", "a.example"),)),)
)


def signed(octets: bytes) -> bytes:
    """A message with its author's signature on top."""
    return avowal.sign(octets, domain="example.com", selector="e", key=ED25519, now=NOW) + octets


def sealed(
    octets: bytes, *, domain: str = "list.example", selector: str = "e", **options: Any
) -> bytes:
    """A message with one more set on top."""
    found = dataclasses.replace(FOUND, authserv_id=f"mx.{domain}")
    options = {"results": found, "key": KEYS[selector], "now": NOW, **options}
    fields = avowal.seal(
        octets, ZONE, authserv_id=f"mx.{domain}", domain=domain, selector=selector, **options
    )
    return fields + octets


def chain_of(hops: int, octets: bytes | None = None) -> bytes:
    """A signed message, sealed so many times."""
    octets = signed(message()) if octets is None else octets
    for hop in range(hops):
        octets = sealed(octets, domain=("list.example", "relay.example")[hop % 2])
    return octets


def verdict(octets: bytes, **options: Any) -> ChainVerification:
    """What we say about a message's chain."""
    return avowal.verify_chain(octets, ZONE, **{"now": NOW, **options})
