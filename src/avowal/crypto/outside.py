"""Keys that sign outside this process, as their makers describe them: octets in and out.

A token signs what PKCS #1 calls a DigestInfo, and shows an Ed25519 key as a point.
"""

from __future__ import annotations

from typing import Final

_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 digest in a DigestInfo (RFC 8017 §9.2, note 1)."""
_POINT: Final = 32  # octets of an Ed25519 public key (RFC 8032 §5.1.5)


def digest_info(digest: bytes) -> bytes:
    """Return the DigestInfo of a SHA-256 digest, which RSASSA-PKCS1-v1_5 pads and signs."""
    return _SHA256 + digest


def ed25519_public_octets(point: bytes) -> bytes:
    """Return the octets of p= for an Ed25519 key, bare or in an OCTET STRING (PKCS #11 §6.3).

    Raises ValueError for octets of another length.
    """
    bare = point.removeprefix(b"\x04\x20") if len(point) == _POINT + 2 else point
    if len(bare) != _POINT:
        raise ValueError(f"an Ed25519 key has {_POINT} octets, not {len(bare)}")
    return bare
