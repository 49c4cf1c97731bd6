"""The keys that may have made a signature: what DNS says now, and what others remember."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeAlias

from avowal.crypto.algorithms import ALGORITHMS, Algorithm
from avowal.crypto.publickey import PublicKey, PublicKeyFault
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.names import DomainName, Selector


class KeyAtHand(NamedTuple):
    """A public key and where it is from, such as ``DNS`` or ``recovered``."""

    key: PublicKey
    source: str


RetiredKeys: TypeAlias = Callable[[DomainName, Selector], Sequence[KeyAtHand]]
"""Gives the keys that once stood at a selector, the likely ones first; an archive of keys."""

_TRIED_WITHOUT_DIGEST = 3000
_MOST_KEYS = 16  # tried for one signature; each costs one operation


def no_retired_keys(domain: DomainName, selector: Selector) -> Sequence[KeyAtHand]:
    """Remember none."""
    return ()


def keys_of(verification: Verification, retired: RetiredKeys, source: str) -> Iterator[KeyAtHand]:
    """Yield the keys that a signature is compared with; `source` is that of the verdict's key."""
    signature = verification.signature
    if signature is None:
        return
    algorithm = ALGORITHMS.get(signature.algorithm)
    if algorithm is None:
        return
    record = verification.key
    if record is not None and not record.revoked and record.key_type == algorithm.key_type:
        with suppress(PublicKeyFault):
            yield KeyAtHand(record.public_key(algorithm), source)
    for one in retired(signature.domain, signature.selector)[:_MOST_KEYS]:
        if one.key.key_type == algorithm.key_type:
            yield one


def verifying(
    algorithm: Algorithm, key: PublicKey, signature: Signature
) -> Callable[[bytes], bool]:
    """Return what asks a key whether it signed a digest; only so often, for it is dear."""
    left = _TRIED_WITHOUT_DIGEST

    def accepts(digest: bytes) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and algorithm.verify(key, signature.signature, digest)

    return accepts
