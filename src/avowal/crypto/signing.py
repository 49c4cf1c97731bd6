"""Private keys: read, made, and put to work; and what else may sign in their place.

Anything with `algorithm` and `sign(digest)` signs: a key of this package, a PKCS#11
token, a cloud service.  A remote one may offer `asign(digest)` instead.  Key material
never appears in a repr, an error or a log line (RFC 4686 §4.1.1).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Protocol, TypeAlias, runtime_checkable

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.privatekey import RECOMMENDED_RSA_BITS, kind_of, kind_of_seed, kinds
from avowal.crypto.publickey import PublicKey
from avowal.errors import KeyMaterialError


@runtime_checkable
class SigningKey(Protocol):
    """Signs digests: `algorithm` is the a= it makes, `sign` returns the signature's octets."""

    @property
    def algorithm(self) -> str: ...

    def sign(self, digest: bytes, /) -> bytes: ...


@runtime_checkable
class AsyncSigningKey(Protocol):
    """The same for a key that answers over a network; asynchronous callers prefer it."""

    @property
    def algorithm(self) -> str: ...

    async def asign(self, digest: bytes, /) -> bytes: ...


AnyKey: TypeAlias = SigningKey | AsyncSigningKey


@runtime_checkable
class KnowsPublicKey(Protocol):
    """A signing key that can name its public half, so that signatures can be self-checked."""

    @property
    def public_octets(self) -> bytes: ...


class PrivateKey:
    """A private key in memory.  Safe to use from several threads.

    `handle` is a key of cryptography, of a kind that is registered in `crypto.privatekey`.
    """

    __slots__ = ("_handle", "_kind", "_public_octets", "algorithm")

    def __init__(self, handle: Any) -> None:
        kind = kind_of(handle)
        if kind is None:
            why = f"{type(handle).__name__} is no private key of cryptography, {_titles(' or ')}"
            raise KeyMaterialError("private key", why)
        self._handle = handle
        self._kind = kind
        self.algorithm = kind.algorithm
        self._public_octets: bytes | None = None

    @property
    def public_octets(self) -> bytes:
        """The octets of p=, made when first asked for: of thousands of keys few ever are."""
        if self._public_octets is None:
            self._public_octets = self._kind.publish(self._handle)
        return self._public_octets

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return ALGORITHMS[self.algorithm].load_public(self.public_octets)

    @property
    def key_type(self) -> str:
        """The k= of the key's record."""
        return ALGORITHMS[self.algorithm].key_type

    @property
    def bits(self) -> int:
        """The size: of the modulus for RSA, 256 for Ed25519."""
        return self._kind.bits_of(self._handle)

    @property
    def description(self) -> str:
        """The kind in words, with its size where that varies."""
        kind = self._kind
        return kind.title if kind.sizes is None else f"{kind.title}, {self.bits} bits"

    @property
    def rsa_numbers(self) -> tuple[int, ...] | None:
        """n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p (RFC 8017 §A.1.2); None for Ed25519."""
        if not isinstance(self._handle, RSAPrivateKey):
            return None
        own = self._handle.private_numbers()
        public = own.public_numbers
        return (public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp)

    def sign(self, digest: bytes, /) -> bytes:
        """Sign a digest of the algorithm's hash."""
        return self._kind.sign(self._handle, digest)

    def pem(self, password: bytes | None = None) -> bytes:
        """Return the key as PKCS#8 PEM, encrypted when a password is given.

        Raises KeyMaterialError for an empty password: it would be written as it is.
        """
        if password == b"":
            raise KeyMaterialError("password", "empty: it would protect nothing")
        protection: serialization.KeySerializationEncryption = (
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption()
        )
        octets: bytes = self._handle.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        )
        return octets

    def __repr__(self) -> str:
        return f"<PrivateKey {self.algorithm} {self.bits} bits>"


def generate(key_type: str = "rsa", *, bits: int = RECOMMENDED_RSA_BITS) -> PrivateKey:
    """Make a new key; `bits` counts where sizes vary.  Raises KeyMaterialError."""
    kind = kinds().get(key_type)
    if kind is None:
        raise KeyMaterialError("new key", f"cannot make a key of type {key_type}")
    kind.refuse_size("new key", bits)
    return PrivateKey(kind.make(bits))


def _titles(between: str) -> str:
    return between.join(kind.title for kind in kinds().values())


def parse_private_key(
    octets: bytes,
    *,
    source: str = "private key",
    password: bytes | None = None,
    tried: bool = True,
) -> PrivateKey:
    """Read a private key in any form operators have.

    PEM (PKCS#1, PKCS#8, encrypted or not), DER, base64 of DER as in OpenDKIM's tables,
    and dkimpy's base64 of an Ed25519 seed.  `source` names the key in errors.
    Raises KeyMaterialError.

    The primality test of OpenSSL (60 ms for RSA-2048) is left out; a signature made
    and checked here finds a damaged key just as well.  Without `tried` that is left to the
    signer, which checks what it made (1 ms for RSA-2048): for those who load thousands.
    """
    try:
        handle = _load(octets.strip(), source, password)
    except KeyMaterialError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise KeyMaterialError(source, _why(error, password)) from None
    kind = kind_of(handle)
    if kind is None:
        why = f"a private key, but neither {_titles(' nor ')}: DKIM signs with none other"
        raise KeyMaterialError(source, why)
    kind.refuse_size(source, kind.bits_of(handle))
    key = PrivateKey(handle)
    if tried and not _signs_well(key):
        raise KeyMaterialError(source, "a damaged key: its signatures do not verify")
    return key


def _signs_well(key: PrivateKey) -> bool:
    try:
        algorithm = ALGORITHMS[key.algorithm]
        digest = bytes(range(algorithm.digest_size))
        return algorithm.verify(key.public, key.sign(digest), digest)
    except (ValueError, UnsupportedAlgorithm):  # numbers that OpenSSL will not compute with
        return False


def _load(octets: bytes, source: str, password: bytes | None) -> object:
    if not octets:
        raise KeyMaterialError(source, "empty")
    if b"-----BEGIN" in octets:
        if b"PRIVATE KEY-----" not in octets:
            raise KeyMaterialError(source, "PEM, but no private key in it")
        pem = octets[octets.index(b"-----BEGIN") :]
        return serialization.load_pem_private_key(
            pem, password, unsafe_skip_rsa_key_validation=True
        )
    if octets[0] != 0x30:  # not a DER SEQUENCE: base64 of a seed or of DER
        octets = _from_base64(octets, source)
    kind = kind_of_seed(octets)
    if kind is not None and kind.seed is not None:
        seeded: object = kind.seed(octets)
        return seeded
    return serialization.load_der_private_key(octets, password, unsafe_skip_rsa_key_validation=True)


def _from_base64(octets: bytes, source: str) -> bytes:
    try:
        return base64.b64decode(octets.translate(None, b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError):
        raise KeyMaterialError(source, "no private key: neither PEM, DER nor base64") from None


def _why(error: Exception, password: bytes | None) -> str:
    text = str(error)
    if "Password was not given" in text:
        return "the key is encrypted: give its password"
    if "Password was given" in text:
        return "a password was given, but the key is not encrypted"
    if password is not None and ("password" in text.lower() or "decrypt" in text.lower()):
        return "wrong password, or a damaged key"
    return "no private key that can be read"
