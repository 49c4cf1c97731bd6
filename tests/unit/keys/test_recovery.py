"""Finding an RSA key again from what it signed.

The keys here have the exponent 3, for which Python's own integers do; one has 257, for which
they do not (with 65537 it takes as long as half a minute).
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from avowal.errors import UsageError
from avowal.keys import recovery
from avowal.keys.recovery import Modulus, Sample, can_be_recovered, recover, verifies

_P = 2**256 - 2**32 - 977  # primes
_Q = 2**255 - 19
SMALL = Modulus(_P * _Q, 257)  # 511 bits


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=3, key_size=1024)


def modulus(number: int = 0) -> Modulus:
    numbers = key(number).public_key().public_numbers()
    return Modulus(numbers.n, numbers.e)


def sample(what: str, number: int = 0, *, also: tuple[bytes, ...] = (), doubt: int = 0) -> Sample:
    signature = key(number).sign(what.encode(), PKCS1v15(), hashes.SHA256())
    digest = hashlib.sha256(what.encode()).digest()
    return Sample(signature, "rsa-sha256", (*also, digest), doubt=doubt)


def changed(what: str, number: int = 0, *, doubt: int = 0) -> Sample:
    """A sample whose header was changed on the way."""
    intact = sample(what, number, doubt=doubt)
    return intact._replace(digests=(hashlib.sha256(b"changed").digest(),))


def keys(samples: list[Sample], **settings: Any) -> list[Modulus]:
    settings = {"exponents": (3,), **settings}
    return [found.key for found in recover(samples, **settings)]


def test_two_signatures_give_the_key_away() -> None:
    assert keys([sample("one"), sample("two")]) == [modulus()]


def test_one_signature_gives_nothing_away() -> None:
    assert keys([sample("one")]) == []


def test_the_same_signature_twice_is_one() -> None:
    assert keys([sample("one"), sample("one")]) == []


def test_a_sample_that_was_changed_is_not_verified() -> None:
    (found,) = recover([sample("one"), sample("two"), changed("three")], exponents=(3,))
    assert [one.digests for one in found.samples] == [
        sample("one").digests,
        sample("two").digests,
    ]


def test_other_pairs_are_tried_where_the_first_gives_none() -> None:
    samples = [changed("zero"), sample("one", doubt=1), sample("two", doubt=2)]
    assert keys(samples) == [modulus()]


def test_no_more_pairs_are_tried_than_asked_for() -> None:
    samples = [changed("zero"), sample("one", doubt=1), sample("two", doubt=2)]
    assert keys(samples, pairs=1) == []


def test_a_sample_that_was_changed_spoils_one_pair_only() -> None:
    samples = [changed("zero"), *(sample(what) for what in ("one", "two", "three"))]
    assert keys(samples, pairs=2) == [modulus()]


def test_of_a_key_that_was_replaced_those_of_one_time_are_tried_together() -> None:
    samples = [changed("zero"), sample("one"), sample("two", 1), sample("three", 1)]
    assert keys(samples, pairs=2) == [modulus(1)]


def test_every_digest_that_may_have_been_signed_is_tried() -> None:
    other = hashlib.sha256(b"another header").digest()
    assert keys([sample("one", also=(other,)), sample("two", also=(other,))]) == [modulus()]


def test_a_known_key_is_tried_first_and_one_sample_is_enough() -> None:
    (found,) = recover([sample("one")], [modulus(1), modulus()])
    assert found.known
    assert found.key == modulus()


def test_a_selector_with_two_keys_shows_both() -> None:
    samples = [sample(what, number) for number in (0, 1) for what in ("one", "two")]
    assert {*keys(samples)} == {modulus(0), modulus(1)}


def test_a_key_that_verifies_one_sample_alone_is_none() -> None:
    assert keys([sample("one", 0), sample("two", 1)]) == []


def test_what_a_record_holds_is_the_key() -> None:
    assert Modulus.of_record(modulus().record) == modulus()


@pytest.mark.parametrize("record", ["", "v=DKIM1; p=", "v=DKIM1; p=!", "k=ed25519; p=AAAA"])
def test_a_record_without_an_rsa_key_holds_none(record: str) -> None:
    assert Modulus.of_record(record) is None


@pytest.mark.parametrize(
    ("algorithm", "octets", "can"),
    [
        ("rsa-sha256", 256, True),
        ("rsa-sha1", 64, True),
        ("rsa-sha256", 63, False),
        ("rsa-sha256", 513, False),
        ("ed25519-sha256", 64, False),
    ],
)
def test_which_keys_can_be_recovered(algorithm: str, octets: int, can: bool) -> None:
    assert can_be_recovered(algorithm, bytes(octets)) is can


def test_a_signature_that_is_no_number_below_the_modulus_is_not_verified() -> None:
    one = sample("one")
    assert not verifies(one._replace(signature=b"\xff" * len(one.signature)), modulus())


def _by_small(what: str) -> Sample:
    """Sign with 512 bits, which no library does any more."""
    digest = hashlib.sha256(what.encode()).digest()
    unsigned = Sample(bytes(64), "rsa-sha256", (digest,))
    (encoded,) = recovery._encoded(unsigned)
    private = pow(SMALL.e, -1, (_P - 1) * (_Q - 1))
    return unsigned._replace(signature=pow(encoded, private, SMALL.n).to_bytes(64))


def test_a_large_exponent_by_gmpy2() -> None:
    pytest.importorskip("gmpy2", reason="gmpy2 is not installed: avowal[recover]")
    assert keys([_by_small("one"), _by_small("two")], exponents=(257,)) == [SMALL]


def test_without_gmpy2_a_large_exponent_is_refused_with_the_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gmpy2", None)
    with pytest.raises(UsageError, match=r"avowal\[recover\]"):
        keys([_by_small("one"), _by_small("two")], exponents=(257,))
