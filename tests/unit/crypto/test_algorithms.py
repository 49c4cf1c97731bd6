"""The table of algorithms: a new one is one entry."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import pytest

from avowal import sign, verify
from avowal.crypto.algorithms import (
    ALGORITHMS,
    Algorithm,
    AlgorithmStatus,
    of_key_type,
    register,
    unregister,
)
from avowal.crypto.publickey import PublicKey
from avowal.errors import UsageError
from avowal.testing import message

SECRET = b"shared with everybody: an algorithm for this test, not for mail"


def seal(digest: bytes) -> bytes:
    return hashlib.sha512(SECRET + digest).digest()


class SealKey:
    """Anything with `algorithm` and `sign(digest)` signs."""

    algorithm = "seal-sha512"

    def sign(self, digest: bytes, /) -> bytes:
        return seal(digest)


def load(octets: bytes) -> PublicKey:
    return PublicKey(key_type="seal", bits=len(octets) * 8, form="raw", handle=octets)


SEAL = Algorithm(
    name="seal-sha512",
    key_type="seal",
    hash_name="sha512",
    status=AlgorithmStatus.CURRENT,
    source="this test",
    key_forms=("raw",),
    load_public=load,
    verify=lambda key, signature, digest: signature == seal(digest) and key.handle == SECRET,
)


@pytest.fixture
def registered() -> Iterator[None]:
    register(SEAL)
    yield
    unregister(SEAL.name)


@pytest.mark.usefixtures("registered")
def test_a_new_algorithm_is_one_entry_for_signing_and_verifying() -> None:
    zone = {"s._domainkey.example.com": f"v=DKIM1; k=seal; p={base64.b64encode(SECRET).decode()}"}
    field = sign(message(), domain="example.com", selector="s", key=SealKey())
    assert b"a=seal-sha512" in field
    assert [v.passed for v in verify(field + message(), zone)] == [True]


@pytest.mark.usefixtures("registered")
def test_a_name_is_registered_once() -> None:
    with pytest.raises(UsageError, match="registered already"):
        register(SEAL)


def test_an_unknown_hash_is_refused() -> None:
    unknown = Algorithm(
        name="x-y",
        key_type="x",
        hash_name="y",
        status=AlgorithmStatus.CURRENT,
        source="",
        key_forms=(),
        load_public=load,
        verify=lambda key, signature, digest: False,
    )
    with pytest.raises(UsageError, match="hashlib knows no y"):
        register(unknown)


@pytest.mark.parametrize(
    ("name", "key_type", "status", "digest_size"),
    [
        ("rsa-sha256", "rsa", AlgorithmStatus.CURRENT, 32),
        ("ed25519-sha256", "ed25519", AlgorithmStatus.CURRENT, 32),
        ("rsa-sha1", "rsa", AlgorithmStatus.HISTORIC, 20),
    ],
)
def test_the_algorithms_of_the_standards_are_known(
    name: str, key_type: str, status: AlgorithmStatus, digest_size: int
) -> None:
    algorithm = ALGORITHMS[name]
    assert (algorithm.key_type, algorithm.status) == (key_type, status)
    assert algorithm.digest_size == digest_size


def test_a_key_type_signs_with_its_current_algorithm() -> None:
    found = of_key_type("rsa")
    assert found is not None
    assert found.name == "rsa-sha256"
    assert of_key_type("dsa") is None
