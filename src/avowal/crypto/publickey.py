"""Public keys as key records publish them, and checking a signature with one."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from avowal.crypto import ed25519
from avowal.errors import SyntaxFault
from avowal.valueclass import value

SPKI = "SubjectPublicKeyInfo"  # RFC 5280 §4.1.2.7
PKCS1 = "RSAPublicKey"  # RFC 8017 appendix A.1.1
RAW = "raw"  # RFC 8463 §4.2: the 32 octets themselves

# The start of a SubjectPublicKeyInfo that holds an RSA key, behind its outer
# SEQUENCE header: AlgorithmIdentifier { rsaEncryption, NULL } (RFC 3279 §2.3.1).
_RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")
_ED25519_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410 §4

# Made once: building padding and hash objects costs a tenth of an RSA verification.
_PADDING = PKCS1v15()
_SHA256 = Prehashed(hashes.SHA256())
_SHA1 = Prehashed(hashes.SHA1())  # noqa: S303 - archives only; the table says historic


class PublicKeyFault(SyntaxFault):
    """Octets that are no public key of the type asked for."""


@value
class PublicKey:
    """A parsed public key.

    `bits` is the modulus size (RSA) or 256 (Ed25519); `exponent` is None where the
    type has none; `form` says how it was encoded; `handle` belongs to the algorithm.
    """

    key_type: str
    bits: int
    form: str
    handle: Any
    exponent: int | None = None


def rsa_public_key(octets: bytes) -> PublicKey:
    """Read DER: SubjectPublicKeyInfo, as everybody publishes, or bare RSAPublicKey.

    RFC 6376 §3.6.1 speaks of RSAPublicKey, its examples hold SubjectPublicKeyInfo
    (errata 3017, 6674, 7001).  Raises PublicKeyFault.
    """
    try:
        handle = load_der_public_key(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise PublicKeyFault(0, f"no RSA public key: {_first_line(error)}") from None
    if not isinstance(handle, RSAPublicKey):
        raise PublicKeyFault(0, "a public key, but not of type RSA")
    return PublicKey(
        key_type="rsa",
        bits=handle.key_size,
        form=SPKI if _RSA_ENCRYPTION in octets[:24] else PKCS1,
        handle=handle,
        exponent=handle.public_numbers().e,
    )


def ed25519_public_key(octets: bytes) -> PublicKey:
    """Read the 32 raw octets (RFC 8463 §4.2), or the SubjectPublicKeyInfo some publish.

    The second form is against the RFC; `form` tells, and rules decide.  Raises
    PublicKeyFault.
    """
    form = RAW
    if len(octets) == 44 and octets.startswith(_ED25519_SPKI_PREFIX):
        octets, form = octets[12:], SPKI
    if len(octets) != 32:
        raise PublicKeyFault(0, f"an Ed25519 key has 32 octets, these are {len(octets)}")
    why = ed25519.fault(octets)
    if why is not None:
        raise PublicKeyFault(0, why)
    handle = Ed25519PublicKey.from_public_bytes(octets)
    return PublicKey(key_type="ed25519", bits=256, form=form, handle=handle)


def rsa_numbers(octets: bytes) -> tuple[int, int]:
    """Return modulus and exponent of an RSA key in DER.  Raises PublicKeyFault."""
    handle: object = rsa_public_key(octets).handle
    assert isinstance(handle, RSAPublicKey)  # noqa: S101 - for the checker
    numbers = handle.public_numbers()
    return numbers.n, numbers.e


def rsa_octets(n: int, e: int) -> bytes:
    """Return an RSA key as a SubjectPublicKeyInfo in DER, as everybody publishes it."""
    return (
        RSAPublicNumbers(e, n)
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )


def verify_rsa_sha256(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 over a SHA-256 digest (RFC 6376 §3.3.2)."""
    return _verify_rsa(key, signature, digest, _SHA256)


def verify_rsa_sha1(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 over a SHA-1 digest (RFC 6376 §3.3.1, historic by RFC 8301)."""
    return _verify_rsa(key, signature, digest, _SHA1)


def signed_digest(key: PublicKey, signature: bytes, info: bytes) -> bytes | None:
    """Return the digest inside an RSA signature; None where this key did not make it.

    `info` is the DER in front of the digest (RFC 8017 §9.2 note 1).  The padding is redundant
    in all but that digest, so that what comes back proves the key as a verification does.
    """
    try:
        octets = key.handle.recover_data_from_signature(signature, _PADDING, None)
    except (InvalidSignature, ValueError, InternalError, UnsupportedAlgorithm):
        return None
    found: bytes = octets
    return found.removeprefix(info) if found.startswith(info) else None


def verify_ed25519(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    """PureEdDSA over the digest itself (RFC 8463 §3)."""
    return ed25519.verify(key.handle, signature, digest)


def _verify_rsa(key: PublicKey, signature: bytes, digest: bytes, hashed: Prehashed) -> bool:
    try:
        key.handle.verify(signature, digest, _PADDING, hashed)
    except (InvalidSignature, ValueError):  # ValueError: a size OpenSSL will not work with
        return False
    return True


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:120] or type(error).__name__
