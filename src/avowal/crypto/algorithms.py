"""The table of signature algorithms: one entry each, and nothing else knows their names.

A new algorithm is one `register(Algorithm(...))`; docs/howto/new-algorithm.md tells how.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache, partial
from types import MappingProxyType

from avowal.crypto import publickey
from avowal.crypto.publickey import PublicKey
from avowal.errors import UsageError
from avowal.valueclass import value

# DigestInfo up to the digest itself, RFC 8017 §9.2 note 1
DIGEST_INFO = {
    "rsa-sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "rsa-sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
}


class AlgorithmStatus(Enum):
    """Whether an algorithm may count today."""

    CURRENT = "current"
    HISTORIC = "historic"


@value(eq=False)
class Algorithm:
    """One value of a=, and what it takes to check it.

    `key_type` is the k= it needs, `hash_name` the h= entry and hashlib's name at once;
    `load_public` reads the decoded p= and raises PublicKeyFault; `verify` takes
    (key, signature, digest).  `recover` takes (key, signature) and returns the digest that was
    signed, None for another key's signature; it is None where signatures do not hold it.
    `key_forms` are the encodings a record may use, `sized` says that keys have different
    sizes.  Entries are compared by identity.
    """

    name: str
    key_type: str
    hash_name: str
    status: AlgorithmStatus
    source: str
    key_forms: tuple[str, ...]
    load_public: Callable[[bytes], PublicKey]
    verify: Callable[[PublicKey, bytes, bytes], bool]
    sized: bool = False
    recover: Callable[[PublicKey, bytes], bytes | None] | None = None

    @property
    def digest_size(self) -> int:
        """Octets of a digest."""
        return HASHES[self.hash_name]().digest_size


_HASHES: dict[str, Callable[..., hashlib._Hash]] = {
    # hashlib's own functions: `hashlib.new` looks one up for three times the price
    "sha256": partial(hashlib.sha256, usedforsecurity=False),
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
}
HASHES: Mapping[str, Callable[..., hashlib._Hash]] = MappingProxyType(_HASHES)
"""What begins a hash, for each `hash_name`: a function of the first octets or of nothing."""
_REGISTERED: dict[str, Algorithm] = {}
ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(_REGISTERED)


def register(algorithm: Algorithm) -> None:
    """Add an algorithm.  Raises UsageError when the name is taken or the hash unknown."""
    if algorithm.name in _REGISTERED:
        raise UsageError(f"the algorithm {algorithm.name} is registered already")
    if algorithm.hash_name not in hashlib.algorithms_available:
        raise UsageError(f"hashlib knows no {algorithm.hash_name}")
    name = algorithm.hash_name
    begin = partial(hashlib.new, name, usedforsecurity=False)  # noqa: TID251 - the table itself
    _HASHES.setdefault(name, begin)
    _REGISTERED[algorithm.name] = algorithm


def unregister(name: str) -> None:
    """Take an algorithm out again, for tests and for retiring one."""
    del _REGISTERED[name]


@lru_cache(maxsize=256)
def own_public_key(algorithm: Algorithm, octets: bytes) -> PublicKey:
    """Read the public half of a key that signs here, remembering it.  Raises PublicKeyFault."""
    return algorithm.load_public(octets)


def signing_names() -> tuple[str, ...]:
    """Return the names a= of the algorithms that signatures may be made with today."""
    return tuple(a.name for a in _REGISTERED.values() if a.status is AlgorithmStatus.CURRENT)


def has_sizes(name: str | None) -> bool:
    """Whether the keys of an algorithm come in sizes, so that one may be too short."""
    algorithm = _REGISTERED.get(name or "")
    return algorithm is not None and algorithm.sized


def of_key_type(key_type: str) -> Algorithm | None:
    """Return the current algorithm that keys of this type sign with, None for an unknown type."""
    known = [a for a in _REGISTERED.values() if a.key_type == key_type]
    known.sort(key=lambda algorithm: algorithm.status is not AlgorithmStatus.CURRENT)
    return known[0] if known else None


for _algorithm in (
    Algorithm(
        name="rsa-sha256",
        key_type="rsa",
        hash_name="sha256",
        status=AlgorithmStatus.CURRENT,
        source="RFC 6376 §3.3.2",
        key_forms=(publickey.SPKI, publickey.PKCS1),
        load_public=publickey.rsa_public_key,
        verify=publickey.verify_rsa_sha256,
        sized=True,
        recover=partial(publickey.signed_digest, info=DIGEST_INFO["rsa-sha256"]),
    ),
    Algorithm(
        name="ed25519-sha256",
        key_type="ed25519",
        hash_name="sha256",
        status=AlgorithmStatus.CURRENT,
        source="RFC 8463 §3",
        key_forms=(publickey.RAW,),
        load_public=publickey.ed25519_public_key,
        verify=publickey.verify_ed25519,
    ),
    Algorithm(
        name="rsa-sha1",
        key_type="rsa",
        hash_name="sha1",
        status=AlgorithmStatus.HISTORIC,
        source="RFC 8301 §3.1",
        key_forms=(publickey.SPKI, publickey.PKCS1),
        load_public=publickey.rsa_public_key,
        verify=publickey.verify_rsa_sha1,
        sized=True,
        recover=partial(publickey.signed_digest, info=DIGEST_INFO["rsa-sha1"]),
    ),
):
    register(_algorithm)
