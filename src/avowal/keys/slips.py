"""What went wrong when a key record was pasted into DNS: slips that a verifier only calls syntax.

A verifier refuses such records and says little; whoever published one wants to know what to do.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from avowal.crypto.algorithms import of_key_type
from avowal.errors import SyntaxFault
from avowal.taglist import TagList, from_base64, without_fws

_ARMOUR = re.compile(rb"-{2,}[ \t]*(?:BEGIN|END)[A-Z ]*KEY", re.IGNORECASE)
# SEQUENCE, then INTEGER 0 or 1: the version that every private key begins with (RFC 5208 §5,
# RFC 5958 §2, RFC 8017 A.1.2) and no public one.
_PRIVATE = re.compile(rb"0(?:[\x00-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01]", re.DOTALL)


EXPOSED = (
    "a private key stands in DNS: whoever has read it can sign for the domain; "
    "make a new key and take this one out"
)


def exposed(octets: bytes) -> bool:
    """Whether a record holds a private key."""
    return b"PRIVATE KEY" in octets.upper() or _holds_private_key(octets)


class Slip(NamedTuple):
    """What was done wrong with a record: a name that stays, and what to do in a sentence."""

    code: str
    sentence: str


def slip(octets: bytes) -> str | None:
    """Return what was done wrong with a record and what to do, None where nothing is known."""
    found = slip_of(octets)
    return None if found is None else found.sentence


def slip_of(octets: bytes) -> Slip | None:
    """Return the slip behind a record that verifiers cannot use, None where none is known."""
    if exposed(octets):
        return Slip("private-key", EXPOSED)
    if _ARMOUR.search(octets) is not None:
        return Slip(
            "pem-lines",
            "it holds the BEGIN and END lines of a PEM file: only what is between them is p=",
        )
    if b"\\;" in octets or b'\\"' in octets:
        return Slip(
            "zone-escapes", "it holds the backslashes of a zone file: enter it without them"
        )
    if b'"' in octets:
        return Slip("stray-quotes", "it holds quotes: enter it without them")
    case = _wrong_case(octets)
    return None if case is None else Slip("letter-case", case)


def _holds_private_key(octets: bytes) -> bool:
    text = TagList.salvage(octets).get("p") or octets
    try:
        decoded = from_base64(without_fws(text.replace(b'"', b"")))
    except SyntaxFault:
        return False
    return _PRIVATE.match(decoded) is not None


def _wrong_case(octets: bytes) -> str | None:
    """Values are case-sensitive (RFC 6376 §3.2), and so are names of tags."""
    tags = TagList.salvage(octets)
    version, key_type = tags.get("v"), tags.get("k")
    if version is not None and version != b"DKIM1" and version.upper() == b"DKIM1":
        return f"v={version.decode()}: write v=DKIM1, letter case counts"
    if key_type is not None and key_type != key_type.lower():
        lower = key_type.lower().decode("ascii", "replace")
        if of_key_type(lower) is not None:
            return f"k={key_type.decode()}: write k={lower}, letter case counts"
    for tag in tags:
        if tag.name in {"V", "K", "P"}:
            return f"{tag.name}=: write {tag.name.lower()}=, letter case counts"
    return None
