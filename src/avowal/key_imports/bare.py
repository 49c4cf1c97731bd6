"""A file that holds one private key and nothing else: PEM, DER, base64, an Ed25519 seed.

Such a file says neither domain nor selector.
"""

from __future__ import annotations

import re

from avowal.crypto.signing import parse_private_key
from avowal.key_imports.key import ImportedKey

_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_FEWEST = 43  # octets: an Ed25519 seed of 32 octets in base64, without padding


def is_key(octets: bytes) -> bool:
    """Whether octets are a private key alone."""
    begun = octets.lstrip()
    if begun.startswith(b"-----BEGIN") or (begun[:1] == b"0" and b"\0" in octets):
        return True
    return len(begun) >= _FEWEST and _BASE64.fullmatch(octets) is not None


def read(octets: bytes, file: str) -> tuple[ImportedKey, ...]:
    """Read a key file.  Raises KeyMaterialError for what is no private key."""
    if b"ENCRYPTED" in octets:  # its kind is known with the password only
        return (ImportedKey(path=file, file=file),)
    key = parse_private_key(octets, source=file, tried=False)
    return (ImportedKey(path=file, file=file, algorithm=key.algorithm),)
