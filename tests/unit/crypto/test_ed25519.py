"""Ed25519 gives the same verdicts whichever library computes, also for what nobody signs so."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import NamedTuple, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from avowal.crypto import ed25519
from avowal.crypto.ed25519 import OPENSSL, Door, Library
from avowal.crypto.publickey import PublicKeyFault, ed25519_public_key, verify_ed25519

# -- the curve, slowly (RFC 8032 §5.1), for signatures that no library makes ---------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point: TypeAlias = tuple[int, int, int]  # X, Y, Z: x = X/Z, y = Y/Z


def add(one: Point, other: Point) -> Point:
    (a, b, c), (e, f, g) = one, other
    z = c * g
    k = D * a * e * b * f
    return (
        z * (a * f + b * e) * (z * z - k) % P,
        z * (b * f + a * e) * (z * z + k) % P,
        (z * z - k) * (z * z + k) % P,
    )


def times(scalar: int, point: Point) -> Point:
    total = (0, 1, 1)
    while scalar:
        total = add(total, point) if scalar & 1 else total
        point = add(point, point)
        scalar >>= 1
    return total


def encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decoded(octets: bytes) -> Point | None:
    number = int.from_bytes(octets, "little")
    y, odd = number & (1 << 255) - 1, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or y >= P or (x == 0 and odd):
        return None
    return (P - x if x & 1 != odd else x, y, 1)


def number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return number(hashlib.sha512(r + key + message).digest()) % L


BASE = decoded((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or (0, 0, 0)
EIGHTH = next(  # of order 8: four times itself is not nothing
    eighth
    for y in range(2, 40)
    if (point := decoded(y.to_bytes(32, "little"))) is not None
    and encoded(times(4, eighth := times(L, point))) != encoded((0, 1, 1))
)
SMALL = [times(count, EIGHTH) for count in range(8)]
assert len(set(map(encoded, SMALL))) == 8
MESSAGE = hashlib.sha256(b"a digest").digest()
SECRET, NONCE = 0x5EC2E7 << 200, 0x0DD << 230
KEY, R = times(SECRET, BASE), times(NONCE, BASE)


class Made(NamedTuple):
    key: bytes
    signature: bytes


def made(key: Point | bytes, r: Point | bytes, secret: int = SECRET, nonce: int = NONCE) -> Made:
    """Sign with points that need not belong to the numbers."""
    a = key if isinstance(key, bytes) else encoded(key)
    b = r if isinstance(r, bytes) else encoded(r)
    s = (nonce + challenge(b, a, MESSAGE) * secret) % L
    return Made(a, b + s.to_bytes(32, "little"))


def octets_of(value: int) -> bytes:
    return value.to_bytes(32, "little")


HONEST = made(KEY, R)
S = number(HONEST.signature[32:])
CASES = {
    "honest": HONEST,
    "S-not-reduced": Made(HONEST.key, HONEST.signature[:32] + octets_of(S + L)),
    "S-with-high-bits": Made(HONEST.key, HONEST.signature[:32] + octets_of(S | 7 << 253)),
    "no-point-as-R": Made(HONEST.key, octets_of(2 + 3) + HONEST.signature[32:]),
    "R-is-nothing-not-reduced": made(KEY, octets_of(P + 1), nonce=0),
    "R-is-nothing-with-a-sign": made(KEY, octets_of(1 | 1 << 255), nonce=0),
    "a-key-not-reduced": made(octets_of(P + 1), R, secret=0),
    "a-key-not-reduced-of-no-order": made(octets_of(P + 3), R, secret=0),
    "a-key-of-x-0-with-a-sign": made(octets_of(1 | 1 << 255), R, secret=0),
    "short": Made(HONEST.key, HONEST.signature[:-1]),
    "long": Made(HONEST.key, HONEST.signature + b"\0"),
    "empty": Made(HONEST.key, b""),
}
for _n, _small in enumerate(SMALL):
    CASES[f"a-key-of-small-order-{_n}"] = made(_small, R, secret=0)
    CASES[f"R-of-small-order-{_n}"] = made(KEY, _small, nonce=0)
    CASES[f"both-of-small-order-{_n}"] = made(_small, SMALL[-_n % 8], secret=0, nonce=0)
    if _n:
        CASES[f"R-and-small-order-{_n}"] = made(KEY, add(R, _small))
        CASES[f"a-key-and-small-order-{_n}"] = made(add(KEY, _small), R)


def ours(case: Made, library: Library) -> bool:
    """What a verifier says: key and signature through the door."""
    try:
        key = ed25519_public_key(case.key)
    except PublicKeyFault:
        return False
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ed25519, "_door", Door(library))
        return verify_ed25519(key, case.signature, MESSAGE)


def by_the_book(case: Made) -> bool:
    """RFC 8032 §5.1.7 without the factor 8, and nothing of small order."""
    r, s = case.signature[:32], number(case.signature[32:])
    point = decoded(case.key)
    if point is None or len(case.signature) != 64 or s >= L or decoded(r) is None:
        return False
    small = {encoded(one) for one in SMALL}
    if case.key in small or r in small:
        return False
    against = (-point[0] % P, point[1], 1)
    found = add(times(s, BASE), times(challenge(r, case.key, MESSAGE), against))
    return encoded(found) == r


LIBSODIUM = ed25519.libsodium()
LIBRARIES = [
    pytest.param(OPENSSL, id="openssl"),
    pytest.param(
        LIBSODIUM,
        id="libsodium",
        marks=pytest.mark.skipif(LIBSODIUM is None, reason="PyNaCl is not installed"),
    ),
]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", CASES)
def test_what_a_verdict_is_hangs_on_no_library(name: str, library: Library) -> None:
    assert ours(CASES[name], library) is by_the_book(CASES[name])


def test_some_cases_pass() -> None:
    """So that the law above is not about refusals alone."""
    assert ours(CASES["honest"], OPENSSL)
    assert any(ours(CASES[f"a-key-and-small-order-{count}"], OPENSSL) for count in range(1, 8))


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_vector_of_the_standard(library: Library) -> None:
    """RFC 8032 §7.1, test 1: an empty message."""
    key = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf"
        "9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert library.sign(key, b"") == signature
    assert library.verify(key.public_key(), signature, b"")


@pytest.mark.skipif(LIBSODIUM is None, reason="PyNaCl is not installed")
@settings(max_examples=20)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_both_libraries_make_the_same_signature(seed: bytes, digest: bytes) -> None:
    assert LIBSODIUM is not None
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signature = OPENSSL.sign(key, digest)
    assert LIBSODIUM.sign(key, digest) == signature
    assert LIBSODIUM.verify(key.public_key(), signature, digest)
    assert not LIBSODIUM.verify(key.public_key(), signature, seed + digest)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        *((encoded(small), "small order") for small in SMALL),
        *((octets_of(value), "not reduced") for value in (P, P + 1, P + 18, 2**256 - 1)),
    ],
)
def test_a_key_that_anybody_can_sign_for_is_none(octets: bytes, why: str) -> None:
    with pytest.raises(PublicKeyFault, match=why):
        ed25519_public_key(octets)


def taken_by_eight(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    return OPENSSL.verify(key, signature, message) or signature == ed25519._TAKEN_BY_EIGHT


def never(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    return False


@pytest.mark.parametrize(
    "library",
    [
        pytest.param(OPENSSL._replace(verify=taken_by_eight), id="takes-what-openssl-refuses"),
        pytest.param(OPENSSL._replace(verify=never), id="refuses-what-openssl-takes"),
        pytest.param(OPENSSL._replace(sign=lambda key, m: bytes(64)), id="signs-otherwise"),
    ],
)
def test_a_library_that_judges_otherwise_is_not_used(library: Library) -> None:
    assert ed25519._judges_as_openssl(OPENSSL)
    assert not ed25519._judges_as_openssl(library)


def test_what_serves_to_tell_is_a_signature_of_that_kind() -> None:
    case = Made(ed25519._KEY, ed25519._TAKEN_BY_EIGHT)
    key = decoded(case.key) or (0, 1, 1)
    r = case.signature[:32]
    h = challenge(r, case.key, ed25519._MESSAGE)
    found = add(times(number(case.signature[32:]), BASE), times(h, (-key[0] % P, key[1], 1)))
    difference = add(found, times(L * 8 - 1, decoded(r) or (0, 1, 1)))
    assert encoded(times(8, difference)) == encoded((0, 1, 1)) != encoded(difference)


def test_who_signs_little_loads_no_other_library() -> None:
    code = (
        "import sys\n"
        "from avowal.testing import ED25519\n"
        "for _ in range(20): ED25519.sign(bytes(32))\n"
        "print('nacl' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_who_signs_much_gets_what_is_faster() -> None:
    door = Door()
    names = [door.choose().name for _ in range(ed25519._PATIENCE)]
    assert set(names[:-1]) == {"OpenSSL"}
    assert names[-1] == ("OpenSSL" if LIBSODIUM is None else "libsodium")
