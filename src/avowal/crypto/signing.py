"""Private keys: read, made, and put to work; and what else may sign in their place.

Anything with `algorithm` and `sign(digest)` signs: a key of this room, a PKCS#11
token, a cloud service.  A remote one may offer `asign(digest)` instead.  Key material
never appears in a repr, an error or a log line (RFC 4686 §4.1.1).
"""

from __future__ import annotations

import base64
import binascii
from typing import Protocol, TypeAlias, runtime_checkable

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.publickey import PublicKey
from avowal.errors import KeyMaterialError

MIN_RSA_BITS = 1024  # RFC 8301 §3.2: signers MUST use at least 1024
RECOMMENDED_RSA_BITS = 2048  # RFC 8301 §3.2: signers SHOULD use at least 2048
MAX_RSA_BITS = 8192  # a signature takes 30 ms beyond 4096 already

_PADDING = PKCS1v15()
_SHA256 = Prehashed(hashes.SHA256())
_SEED_OCTETS = 32
_SELF_TEST = bytes(range(32))


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
    """A private key in memory.  Safe to use from several threads."""

    __slots__ = ("_handle", "algorithm", "public_octets")

    def __init__(self, handle: RSAPrivateKey | Ed25519PrivateKey) -> None:
        self._handle = handle
        public = handle.public_key()
        if isinstance(handle, RSAPrivateKey):
            self.algorithm = "rsa-sha256"
            encoding = serialization.Encoding.DER
            form = serialization.PublicFormat.SubjectPublicKeyInfo
        else:
            self.algorithm = "ed25519-sha256"
            encoding = serialization.Encoding.Raw
            form = serialization.PublicFormat.Raw
        self.public_octets: bytes = public.public_bytes(encoding, form)

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
        """RSA modulus size, or 256."""
        return self._handle.key_size if isinstance(self._handle, RSAPrivateKey) else 256

    @property
    def rsa_numbers(self) -> tuple[int, ...] | None:
        """n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p (RFC 8017 §A.1.2); None for Ed25519."""
        if not isinstance(self._handle, RSAPrivateKey):
            return None
        own = self._handle.private_numbers()
        public = own.public_numbers
        return (public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp)

    def sign(self, digest: bytes, /) -> bytes:
        """Sign a SHA-256 digest (RFC 6376 §3.3.2, RFC 8463 §3)."""
        if isinstance(self._handle, RSAPrivateKey):
            return self._handle.sign(digest, _PADDING, _SHA256)
        return self._handle.sign(digest)

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
        return self._handle.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
        )

    def __repr__(self) -> str:
        return f"<PrivateKey {self.algorithm} {self.bits} bits>"


def generate(key_type: str = "rsa", *, bits: int = RECOMMENDED_RSA_BITS) -> PrivateKey:
    """Make a new key; `bits` counts for RSA only.  Raises KeyMaterialError."""
    if key_type == "ed25519":
        return PrivateKey(Ed25519PrivateKey.generate())
    if key_type != "rsa":
        raise KeyMaterialError("new key", f"cannot make a key of type {key_type}")
    _refuse_size("new key", bits)
    return PrivateKey(generate_private_key(public_exponent=65537, key_size=bits))


def parse_private_key(
    octets: bytes, *, source: str = "private key", password: bytes | None = None
) -> PrivateKey:
    """Read a private key in any form operators have.

    PEM (PKCS#1, PKCS#8, encrypted or not), DER, base64 of DER as in OpenDKIM's tables,
    and dkimpy's base64 of an Ed25519 seed.  `source` names the key in errors.
    Raises KeyMaterialError.

    The primality test of OpenSSL (60 ms for RSA-2048) is left out; a signature made
    and checked here finds a damaged key just as well.
    """
    try:
        handle = _load(octets.strip(), source, password)
    except KeyMaterialError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise KeyMaterialError(source, _why(error, password)) from None
    if not isinstance(handle, RSAPrivateKey | Ed25519PrivateKey):
        raise KeyMaterialError(source, "a private key, but neither RSA nor Ed25519")
    if isinstance(handle, RSAPrivateKey):
        _refuse_size(source, handle.key_size)
    key = PrivateKey(handle)
    if not _signs_well(key):
        raise KeyMaterialError(source, "a damaged key: its signatures do not verify")
    return key


def _signs_well(key: PrivateKey) -> bool:
    try:
        signature = key.sign(_SELF_TEST)
        return ALGORITHMS[key.algorithm].verify(key.public, signature, _SELF_TEST)
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
    if len(octets) == _SEED_OCTETS:
        return Ed25519PrivateKey.from_private_bytes(octets)
    return serialization.load_der_private_key(octets, password, unsafe_skip_rsa_key_validation=True)


def _from_base64(octets: bytes, source: str) -> bytes:
    try:
        return base64.b64decode(octets.translate(None, b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError):
        raise KeyMaterialError(source, "no private key: neither PEM, DER nor base64") from None


def _refuse_size(source: str, bits: int) -> None:
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise KeyMaterialError(
            source, f"an RSA key of {bits} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} may sign"
        )


def _why(error: Exception, password: bytes | None) -> str:
    text = str(error)
    if "Password was not given" in text:
        return "the key is encrypted: give its password"
    if "Password was given" in text:
        return "a password was given, but the key is not encrypted"
    if password is not None and ("password" in text.lower() or "decrypt" in text.lower()):
        return "wrong password, or a damaged key"
    return "no private key that can be read"
