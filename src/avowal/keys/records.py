"""The record that publishes a key, as text for a zone (RFC 6376 §3.6)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Protocol

from avowal.crypto.algorithms import ALGORITHMS
from avowal.members import refuse_single
from avowal.names import DomainName, Selector, key_name

_STRING = 255  # octets in one character-string, RFC 1035 §3.3


class PublishesKey(Protocol):
    """A key, private or public, that can be published."""

    @property
    def algorithm(self) -> str: ...
    @property
    def public_octets(self) -> bytes: ...


def record_text(
    key: PublishesKey,
    *,
    services: Sequence[str] = (),
    flags: Sequence[str] = (),
    hashes: Sequence[str] = (),
    notes: str | None = None,
) -> str:
    """Return the key record; lists left empty are not written, so their defaults hold."""
    for name, given in (("services", services), ("flags", flags), ("hashes", hashes)):
        refuse_single(name, given)
    tags = ["v=DKIM1"]
    if hashes:
        tags.append(f"h={':'.join(hashes)}")
    tags.append(f"k={ALGORITHMS[key.algorithm].key_type}")
    if notes is not None:
        tags.append(f"n={notes}")
    if services:
        tags.append(f"s={':'.join(services)}")
    if flags:
        tags.append(f"t={':'.join(flags)}")
    tags.append(f"p={base64.b64encode(key.public_octets).decode()}")
    return "; ".join(tags)


def zone_line(selector: Selector, domain: DomainName, text: str, *, ttl: int = 3600) -> str:
    """Return an RFC 1035 zone-file line, the text split at 255 octets and quoted."""
    return txt_line(key_name(selector, domain), text, ttl=ttl)


def txt_line(name: str, text: str, *, ttl: int = 3600) -> str:
    """Return the zone-file line of any TXT record; `name` has no final dot."""
    quoted = "\n\t\t".join(f'"{string}"' for string in txt_strings(text))
    return f"{name}. {ttl} IN TXT ( {quoted} )"


def txt_strings(text: str) -> tuple[str, ...]:
    """Return the character-strings of a TXT record, escaped as between quotes in a zone file."""
    octets = text.encode()
    strings = [octets[at : at + _STRING] for at in range(0, len(octets), _STRING)]
    return tuple(map(_escaped, strings))


def _escaped(octets: bytes) -> str:
    r"""RFC 1035 §5.1: \X for quote and backslash, \DDD for what is no printable ASCII."""
    return "".join(
        f"\\{chr(o)}" if o in b'"\\' else chr(o) if 0x20 <= o < 0x7F else f"\\{o:03d}"
        for o in octets
    )
