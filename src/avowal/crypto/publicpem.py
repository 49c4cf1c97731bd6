"""Public keys as files hold them: what a delegate hands over to be published for him.

A record needs no private key.  The kinds are those that `crypto.privatekey` knows.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.privatekey import KeyKind, kinds
from avowal.crypto.publickey import PublicKeyFault
from avowal.errors import KeyMaterialError
from avowal.valueclass import value

_MARK = b"PUBLIC KEY-----"  # "PUBLIC KEY" of RFC 7468 §13, "RSA PUBLIC KEY" of OpenSSL


@value
class PublicHalf:
    """A public key that can be published: `public_octets` are those of p=."""

    algorithm: str
    public_octets: bytes
    description: str


def is_public(octets: bytes) -> bool:
    """Whether a file is PEM of a public key, and of no private one."""
    return _MARK in octets and b"PRIVATE KEY-----" not in octets


def parse_public_key(octets: bytes, *, source: str = "public key") -> PublicHalf:
    """Read PEM.  Raises KeyMaterialError for what is none, and for a key that must not sign."""
    try:
        handle = serialization.load_pem_public_key(octets[octets.index(b"-----BEGIN") :])
    except (ValueError, UnsupportedAlgorithm, InternalError):
        raise KeyMaterialError(source, "no public key that can be read") from None
    return _half(handle, source)


def rsa_public_half(modulus: int, exponent: int, *, source: str) -> PublicHalf:
    """Make an RSA key of its numbers.  Raises KeyMaterialError for what is none, or too small."""
    try:
        handle = RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, InternalError):
        raise KeyMaterialError(source, "no numbers of an RSA key") from None
    return _half(handle, source)


def _half(handle: object, source: str) -> PublicHalf:
    for kind in kinds().values():
        half = _as(kind, handle, source)
        if half is not None:
            return half
    titles = " nor ".join(kind.title for kind in kinds().values())
    raise KeyMaterialError(source, f"a public key, but neither {titles}")


class _Pair:
    """Stands for a private key of which the public half alone is known."""

    __slots__ = ("_public",)

    def __init__(self, public: object) -> None:
        self._public = public

    def public_key(self) -> object:
        return self._public


def _as(kind: KeyKind, handle: Any, source: str) -> PublicHalf | None:
    try:
        octets = kind.publish(_Pair(handle))
        public = ALGORITHMS[kind.algorithm].load_public(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm, PublicKeyFault):
        return None
    kind.refuse_size(source, public.bits)
    sized = f", {public.bits} bits" if kind.sizes is not None else ""
    return PublicHalf(
        algorithm=kind.algorithm, public_octets=octets, description=f"{kind.title}{sized}"
    )
