"""What programs look for in ``dkim.crypto``: whether a private key can be read."""

from __future__ import annotations

from avowal.compat.dkim.faults import UnparsableKeyError
from avowal.compat.dkim.octets import Text, octets
from avowal.crypto import signing
from avowal.errors import KeyMaterialError

__all__ = ["UnparsableKeyError", "parse_pem_private_key", "parse_private_key"]

_NUMBERS = (
    "modulus", "publicExponent", "privateExponent", "prime1", "prime2", "exponent1", "exponent2",
    "coefficient",
)  # fmt: skip


def parse_private_key(data: Text) -> dict[str, int]:
    """Return the numbers of an RSA key by their names in RFC 8017 §A.1.2.

    Raises UnparsableKeyError.
    """
    try:
        numbers = signing.parse_private_key(octets(data, "a private key")).rsa_numbers
    except KeyMaterialError as fault:
        raise UnparsableKeyError(str(fault)) from None
    if numbers is None:
        raise UnparsableKeyError("private key: no RSA key")
    return {"version": 0, **dict(zip(_NUMBERS, numbers, strict=True))}


def parse_pem_private_key(data: Text) -> dict[str, int]:
    """Do the same for PEM.  Raises UnparsableKeyError."""
    if b"-----BEGIN" not in octets(data, "a private key"):
        raise UnparsableKeyError("Private key not found")
    return parse_private_key(data)
