"""Kinds of private keys: how one is made, recognized, written and put to work.

An algorithm (`avowal.crypto.algorithms`) is what a verifier needs; a `KeyKind` is what a signer
needs besides, where the key is in memory.  Both are entries of a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from avowal.crypto import ed25519
from avowal.crypto.algorithms import ALGORITHMS
from avowal.errors import KeyMaterialError, UsageError
from avowal.valueclass import value

MIN_RSA_BITS = 1024  # RFC 8301 §3.2: signers MUST use at least 1024
RECOMMENDED_RSA_BITS = 2048  # RFC 8301 §3.2: signers SHOULD use at least 2048
MAX_RSA_BITS = 8192  # a signature takes 30 ms beyond 4096 already

_PADDING = PKCS1v15()
_SHA256 = Prehashed(hashes.SHA256())


@value(eq=False)
class KeyKind:
    """One kind of private key.

    `algorithm` is the a= it signs with, `title` its name for people, `handle` the class that
    cryptography reads it as.  `make` takes bits and returns a handle; `publish` returns the
    octets of p=; `sign` takes (handle, digest).  `sizes` are the fewest and the most bits that
    may sign, None for a kind of one size, `bits`.  `seed` reads a key that is given as
    `seed_octets` bare octets, as dkimpy writes Ed25519.
    """

    algorithm: str
    title: str
    handle: type[Any]
    make: Callable[[int], Any]
    publish: Callable[[Any], bytes]
    sign: Callable[[Any, bytes], bytes]
    sizes: tuple[int, int] | None = None
    bits: int | None = None
    seed: Callable[[bytes], Any] | None = None
    seed_octets: int | None = None

    def bits_of(self, handle: Any) -> int:
        """Return the size of a key."""
        if self.bits is not None:
            return self.bits
        bits: int = handle.key_size
        return bits

    def refuse_size(self, source: str, bits: int) -> None:
        """Raise KeyMaterialError for a size that must not sign."""
        if self.sizes is None or self.sizes[0] <= bits <= self.sizes[1]:
            return
        least, most = self.sizes
        why = f"an {self.title} key of {bits} bits; {least} to {most} may sign"
        raise KeyMaterialError(source, why)


_REGISTERED: dict[str, KeyKind] = {}


def register_kind(kind: KeyKind) -> None:
    """Add a kind of private key.  Raises UsageError for an algorithm that is not registered."""
    if kind.algorithm not in ALGORITHMS:
        raise UsageError(f"register the algorithm {kind.algorithm} first")
    if kind.algorithm in _REGISTERED:
        raise UsageError(f"the private keys of {kind.algorithm} are registered already")
    _REGISTERED[kind.algorithm] = kind


def unregister_kind(algorithm: str) -> None:
    """Take a kind out again, for tests and for retiring one."""
    del _REGISTERED[algorithm]


def kind_of(handle: object) -> KeyKind | None:
    """Return the kind that a key of cryptography is, None for one that DKIM does not sign with."""
    for kind in _REGISTERED.values():
        if isinstance(handle, kind.handle):
            return kind
    return None


def kind_of_seed(octets: bytes) -> KeyKind | None:
    """Return the kind whose keys are given as so many bare octets."""
    return next((k for k in _REGISTERED.values() if k.seed_octets == len(octets)), None)


def kinds() -> dict[str, KeyKind]:
    """Return the kinds that can be made, by the k= of their records."""
    return {ALGORITHMS[kind.algorithm].key_type: kind for kind in _REGISTERED.values()}


def _public_octets(
    encoding: serialization.Encoding, form: serialization.PublicFormat
) -> Callable[[Any], bytes]:
    def publish(handle: Any) -> bytes:
        octets: bytes = handle.public_key().public_bytes(encoding, form)
        return octets

    return publish


def _sign_rsa(handle: RSAPrivateKey, digest: bytes) -> bytes:
    return handle.sign(digest, _PADDING, _SHA256)  # RFC 6376 §3.3.2


def _sign_bare(handle: Ed25519PrivateKey, digest: bytes) -> bytes:
    return ed25519.sign(handle, digest)  # RFC 8463 §3


for _kind in (
    KeyKind(
        algorithm="rsa-sha256",
        title="RSA",
        handle=RSAPrivateKey,
        make=lambda bits: generate_private_key(public_exponent=65537, key_size=bits),
        publish=_public_octets(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        sign=_sign_rsa,
        sizes=(MIN_RSA_BITS, MAX_RSA_BITS),
    ),
    KeyKind(
        algorithm="ed25519-sha256",
        title="Ed25519",
        handle=Ed25519PrivateKey,
        make=lambda bits: Ed25519PrivateKey.generate(),
        publish=_public_octets(serialization.Encoding.Raw, serialization.PublicFormat.Raw),
        sign=_sign_bare,
        bits=256,
        seed=Ed25519PrivateKey.from_private_bytes,
        seed_octets=32,
    ),
):
    register_kind(_kind)
