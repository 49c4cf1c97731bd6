"""Finding an RSA public key again from mail that was signed with it, after DNS forgot it.

What a signature s encodes under PKCS #1 v1.5 (RFC 8017 §9.2), EM, follows from the octets
that were signed.  s^e - EM is a multiple of the modulus N, so the greatest common divisor
of two such numbers is N, times something small.  With e = 65537 the numbers have some
17 MB each, and only GMP divides them in reasonable time (`avowal[recover]`).

A key that was found shows that messages were signed by one and the same hand.  Nothing
shows that the domain ever published it: whoever can put two messages into an archive can
have a key found in anybody's name.
"""

from __future__ import annotations

import base64
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations, islice
from typing import NamedTuple, TypeAlias

from avowal.crypto.algorithms import DIGEST_INFO
from avowal.crypto.publickey import rsa_numbers, rsa_octets
from avowal.dkim.key import KeyRecord
from avowal.errors import SyntaxFault, UsageError

EXPONENTS = (3, 65537)  # the small one costs next to nothing, the other is everybody's
PAIRS = 3  # pairs of messages that are tried for one key
_SMALL = 1 << 16  # the divisor has other factors besides N, and hardly ever larger ones
_IN_PYTHON = 1 << 17  # bits of the largest power for which Python's own gcd does
_MIN_OCTETS, _MAX_OCTETS = 64, 512  # of a modulus


class Sample(NamedTuple):
    """One signature over a message whose body is intact.

    `digests` are what the header may have hashed to when it was signed, the likeliest
    first.  `when` is in Unix seconds, None where nothing tells; the samples with the least
    `doubt`, a count of what often changes on the way, are tried first.
    """

    signature: bytes
    algorithm: str
    digests: tuple[bytes, ...]
    when: int | None = None
    doubt: int = 0


class Modulus(NamedTuple):
    """An RSA public key."""

    n: int
    e: int

    @property
    def bits(self) -> int:
        """The size."""
        return self.n.bit_length()

    @property
    def record(self) -> str:
        """The key record that would publish it (RFC 6376 §3.6.1)."""
        octets = rsa_octets(self.n, self.e)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(octets).decode()}"

    @classmethod
    def of_record(cls, record: str) -> Modulus | None:
        """Read the key of a record; None where it holds no RSA key."""
        try:
            text = KeyRecord.parse(record.encode()).key_text
            return cls(*rsa_numbers(base64.b64decode(text)))
        except (SyntaxFault, ValueError):
            return None


class Recovered(NamedTuple):
    """A key, and the samples that it verifies; `known` says that it was at hand already."""

    key: Modulus
    samples: tuple[Sample, ...]
    known: bool = False


def can_be_recovered(algorithm: str, signature: bytes) -> bool:
    """Whether a key of this kind and size can be looked for."""
    return algorithm in DIGEST_INFO and _MIN_OCTETS <= len(signature) <= _MAX_OCTETS


def verifies(sample: Sample, key: Modulus) -> bool:
    """Whether a key made a signature, over one of the digests."""
    s = int.from_bytes(sample.signature)
    if not 0 < s < key.n or len(sample.signature) != (key.bits + 7) // 8:
        return False
    return pow(s, key.e, key.n) in _encoded(sample)


def recover(
    samples: Sequence[Sample],
    known: Iterable[Modulus] = (),
    *,
    pairs: int = PAIRS,
    exponents: Sequence[int] = EXPONENTS,
) -> Iterator[Recovered]:
    """Yield the keys that made samples of one selector; each is proven by two of them or more.

    Those `known` are tried first, which costs next to nothing.  What is left over is tried
    pair by pair, at most `pairs` times for each key and each of the `exponents`.  Raises
    UsageError where that takes gmpy2 and it is not installed.
    """
    left = sorted(samples, key=lambda sample: sample.doubt)
    for key in known:
        made, left = _parted(left, key)
        if made:
            yield Recovered(key, made, known=True)
    while len(left) > 1:
        found = _first_key(left, pairs, exponents)
        if found is None:
            return
        made, left = _parted(left, found)
        yield Recovered(found, made)


def _parted(samples: Iterable[Sample], key: Modulus) -> tuple[tuple[Sample, ...], list[Sample]]:
    """Return the samples that a key verifies, and the others."""
    made: list[Sample] = []
    others: list[Sample] = []
    for sample in samples:
        (made if verifies(sample, key) else others).append(sample)
    return tuple(made), others


def _first_key(samples: Sequence[Sample], pairs: int, exponents: Sequence[int]) -> Modulus | None:
    """Try pairs of samples, those with the least doubt first, until a key verifies both."""
    fit = list(islice(_pairs(samples[: 2 * pairs + 2]), pairs))
    for e in exponents:
        powers = _Powers(e)
        for one, other in fit:
            key = _of_pair(one, other, powers)
            if key is not None:
                return key
    return None


def _pairs(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    """Yield pairs that one key may have made: neighbours first, none of them in two pairs.

    So a sample that was changed spoils one pair only, and of a selector whose key was replaced
    those of one time stand together.
    """
    neighbours = list(zip(samples[::2], samples[1::2], strict=False))
    for one, other in dict.fromkeys((*neighbours, *combinations(samples, 2))):
        if one.signature != other.signature and len(one.signature) == len(other.signature):
            yield one, other


def _of_pair(one: Sample, other: Sample, powers: _Powers) -> Modulus | None:
    for em, other_em in zip(_encoded(one), _encoded(other), strict=False):
        multiple = powers.gcd(one.signature, em, other.signature, other_em)
        key = Modulus(_without_small_factors(multiple), powers.e)
        if verifies(one, key) and verifies(other, key):
            return key
    return None


# Integers of GMP do all that Python's do here.
_Number: TypeAlias = Callable[[int], int]
_OfTwo: TypeAlias = Callable[[int, int], int]


class _Powers:
    """The powers of signatures by one exponent, each worked out once."""

    def __init__(self, e: int) -> None:
        self.e = e
        self._powers: dict[bytes, int] = {}

    def gcd(self, signature: bytes, em: int, other: bytes, other_em: int) -> int:
        """Return the greatest common divisor of s^e - EM for two signatures."""
        number, power, gcd = _arithmetic(len(signature) * 8 * self.e)
        for octets in (signature, other):
            if octets not in self._powers:
                self._powers[octets] = power(number(int.from_bytes(octets)), self.e)
        return int(gcd(self._powers[signature] - em, self._powers[other] - other_em))


def _arithmetic(bits: int) -> tuple[_Number, _OfTwo, _OfTwo]:
    """Return the integers to work with, their power, and their greatest common divisor.

    Raises UsageError where Python's own would take days.
    """
    try:
        import gmpy2  # noqa: PLC0415 - an extra: only those who look for keys need it
    except ModuleNotFoundError:
        if bits <= _IN_PYTHON:
            return int, operator.pow, math.gcd
        raise UsageError("finding keys again needs gmpy2: pip install 'avowal[recover]'") from None
    return gmpy2.mpz, operator.pow, gmpy2.gcd


def _without_small_factors(multiple: int) -> int:
    """Divide a multiple of the modulus by what no modulus has."""
    for prime in _small_primes() if multiple else ():
        while multiple % prime == 0:
            multiple //= prime
    return multiple


@lru_cache(maxsize=1)
def _small_primes() -> tuple[int, ...]:
    sieve = bytearray([1]) * _SMALL
    for number in range(2, math.isqrt(_SMALL) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, _SMALL, number)))
    return tuple(number for number in range(2, _SMALL) if sieve[number])


def _encoded(sample: Sample) -> list[int]:
    """Return EM for each digest (RFC 8017 §9.2)."""
    info = DIGEST_INFO[sample.algorithm]
    found = []
    for digest in sample.digests:
        tail = b"\0" + info + digest
        padding = b"\xff" * (len(sample.signature) - len(tail) - 2)
        found.append(int.from_bytes(b"\0\1" + padding + tail))
    return found
