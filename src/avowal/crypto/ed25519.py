"""Ed25519 (RFC 8032): by OpenSSL, or by libsodium where PyNaCl is installed.

Both make the same signatures.  They refuse different keys and signatures of those that nobody
makes by chance: what either refuses stands in front of both, so that a verdict does not hang on
what is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_P: Final = 2**255 - 19  # RFC 8032 §5.1
_SIGN: Final = 1 << 255  # the bit that tells x from -x
_Y8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The points that 8 times themselves are nothing, by their y: of order 1, 2, 4, and 8.
_SMALL_ORDER: Final = frozenset(
    (y | sign).to_bytes(32, "little") for y in (1, _P - 1, 0, _Y8, _P - _Y8) for sign in (0, _SIGN)
)


class Library(NamedTuple):
    """What computes: `verify` takes octets of a key, `sign` those of a seed and its key."""

    name: str
    verify: Callable[[Ed25519PublicKey, bytes, bytes], bool]
    sign: Callable[[Ed25519PrivateKey, bytes], bytes]


def fault(octets: bytes) -> str | None:
    """Say why 32 octets are no public key, None where nothing speaks against it.

    Whether they are a point of the curve shows when they are used: no signature fits another.
    """
    if int.from_bytes(octets, "little") & (_SIGN - 1) >= _P:
        return "an Ed25519 key whose number is not reduced (RFC 8032 §5.1.3 step 1)"
    if octets in _SMALL_ORDER:
        return "an Ed25519 key of small order: anybody can sign for it"
    return None


def verify(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Check a signature (RFC 8032 §5.1.7, without the factor 8).

    Deliberate: R of small order, which no signer comes to by chance, is refused.
    """
    if signature[:32] in _SMALL_ORDER or len(signature) != 64:
        return False
    return (_door.library or _door.choose()).verify(key, signature, message)


def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """Sign a message (RFC 8032 §5.1.6)."""
    return (_door.library or _door.choose()).sign(key, message)


# -- the libraries -------------------------------------------------------------------------------


def _verify_openssl(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _sign_openssl(key: Ed25519PrivateKey, message: bytes) -> bytes:
    return key.sign(message)


OPENSSL: Final = Library("OpenSSL", _verify_openssl, _sign_openssl)

_PATIENCE: Final = 64  # operations that cost as much as loading another library


class Door:
    """Which library computes: who does much gets what is faster, if it is there."""

    __slots__ = ("_used", "library")

    def __init__(self, library: Library | None = None) -> None:
        self.library = library
        self._used = 0

    def choose(self) -> Library:
        """Return what computes as long as none is chosen."""
        self._used += 1
        if self._used < _PATIENCE:
            return OPENSSL
        self.library = libsodium() or OPENSSL
        return self.library


_door = Door()


def libsodium() -> Library | None:
    """Return libsodium; None where PyNaCl is missing, or brings one that judges otherwise."""
    try:
        from nacl.bindings import crypto_sign, crypto_sign_open  # noqa: PLC0415 - an extra
        from nacl.exceptions import BadSignatureError  # noqa: PLC0415
    except ImportError:
        return None

    def verify(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
        try:
            crypto_sign_open(signature + message, key.public_bytes_raw())
        except BadSignatureError:
            return False
        return True

    def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
        secret = key.private_bytes_raw() + key.public_key().public_bytes_raw()
        return crypto_sign(message, secret)[:64]

    made = Library("libsodium", verify, sign)
    return made if _judges_as_openssl(made) else None


# Signed with R plus a point of order 2: only who multiplies by 8 takes it (RFC 8032 §5.1.7 allows
# both).  OpenSSL does not, nor does libsodium; another one that calls itself so might.
_KEY: Final = bytes.fromhex("7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca572")
_MESSAGE: Final = bytes.fromhex("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
_TAKEN_BY_EIGHT: Final = bytes.fromhex(
    "85b3f2ac54bb21b92ad954b2cc4a6b845462885097801f5f6ae75a0920b57914"
    "ac5c30eb2683228fc494d9d459a1cd71fbe9d8b5b39bd8e45a8f33c326e0440a"
)


def _judges_as_openssl(library: Library) -> bool:
    private = Ed25519PrivateKey.from_private_bytes(_MESSAGE)
    signature = OPENSSL.sign(private, _MESSAGE)
    return (
        library.sign(private, _MESSAGE) == signature
        and library.verify(private.public_key(), signature, _MESSAGE)
        and not library.verify(private.public_key(), signature, _KEY)
        and not library.verify(Ed25519PublicKey.from_public_bytes(_KEY), _TAKEN_BY_EIGHT, _MESSAGE)
    )
