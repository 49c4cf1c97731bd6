"""Algorithm independence: registering one entry is all that a new algorithm takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import avowal
from avowal.crypto import publickey
from avowal.crypto.algorithms import ALGORITHMS, Algorithm, AlgorithmStatus, register, unregister
from avowal.errors import IntentError, UsageError
from avowal.testing import ED25519, message, record_for, tamper

ZONE = {"s1._domainkey.example.com": record_for(ED25519)}


class Sha512Key:
    algorithm = "ed25519-sha512"

    def sign(self, digest: bytes, /) -> bytes:
        return ED25519.sign(digest)


def entry(
    *, status: AlgorithmStatus = AlgorithmStatus.CURRENT, hash_name: str = "sha512"
) -> Algorithm:
    return Algorithm(
        name=Sha512Key.algorithm,
        key_type="ed25519",
        hash_name=hash_name,
        status=status,
        source="this test",
        key_forms=(publickey.RAW,),
        load_public=publickey.ed25519_public_key,
        verify=publickey.verify_ed25519,
    )


@pytest.fixture
def registered() -> Iterator[None]:
    register(entry())
    yield
    unregister(Sha512Key.algorithm)


def signed() -> bytes:
    return avowal.sign(message(), domain="example.com", selector="s1", key=Sha512Key()) + message()


@pytest.mark.usefixtures("registered")
def test_a_registered_algorithm_signs_and_verifies() -> None:
    (verdict,) = avowal.verify(signed(), ZONE)
    assert (verdict.algorithm, verdict.passed) == ("ed25519-sha512", True)
    assert verdict.evidence is not None
    assert len(verdict.evidence.body_hash or b"") == 64


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("part", "reason"), [("body", "body-hash"), ("subject", "signature"), ("from", "signature")]
)
def test_a_registered_algorithm_notices_changes(part: str, reason: str) -> None:
    (verdict,) = avowal.verify(tamper(signed(), part), ZONE)
    assert verdict.reason == reason


@pytest.mark.usefixtures("registered")
def test_the_key_record_may_exclude_its_hash() -> None:
    zone = {"s1._domainkey.example.com": record_for(ED25519, hashes=["sha256"])}
    (verdict,) = avowal.verify(signed(), zone)
    assert verdict.reason == "inappropriate-hash"


@pytest.mark.usefixtures("registered")
def test_a_name_is_registered_once() -> None:
    with pytest.raises(UsageError, match="registered already"):
        register(entry())


def test_a_hash_that_nobody_can_compute_is_refused() -> None:
    with pytest.raises(UsageError, match="md17"):
        register(entry(hash_name="md17"))
    assert Sha512Key.algorithm not in ALGORITHMS


def test_a_historic_algorithm_does_not_sign() -> None:
    register(entry(status=AlgorithmStatus.HISTORIC))
    try:
        with pytest.raises(IntentError, match="must not be used"):
            signed()
    finally:
        unregister(Sha512Key.algorithm)


def test_without_its_entry_it_is_unknown() -> None:
    register(entry())
    octets = signed()
    unregister(Sha512Key.algorithm)
    (verdict,) = avowal.verify(octets, ZONE)
    assert verdict.reason == "unknown-algorithm"
