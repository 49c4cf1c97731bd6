"""Public keys as records hold them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from avowal.crypto import publickey
from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.publickey import PublicKeyFault
from avowal.crypto.signing import PrivateKey
from avowal.testing import ED25519, RSA_1024, RSA_2048

DER = RSA_2048.public_octets
PKCS1 = RSA_2048._handle.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
EC = generate_private_key(SECP256R1()).public_key()
EC_DER = EC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ED_SPKI = ED25519._handle.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
DIGEST = bytes(range(32))


@pytest.mark.parametrize(
    ("octets", "form"),
    [
        pytest.param(DER, publickey.SPKI, id="subject-public-key-info"),
        pytest.param(PKCS1, publickey.PKCS1, id="bare-rsa-public-key"),
    ],
)
def test_both_forms_of_an_rsa_key_are_read(octets: bytes, form: str) -> None:
    key = publickey.rsa_public_key(octets)
    assert (key.form, key.bits, key.exponent) == (form, 2048, 65537)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(DER[:-1], id="cut"),
        pytest.param(DER + b"\x00", id="one-octet-too-many"),
        pytest.param(EC_DER, id="another-type"),
        pytest.param(ED_SPKI, id="an-ed25519-key"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff", id="a-length-of-4-gigabytes"),
        pytest.param(b"\x30\x80\x00\x00", id="indefinite-length"),
    ],
)
def test_what_is_no_rsa_key_is_refused(octets: bytes) -> None:
    with pytest.raises(PublicKeyFault):
        publickey.rsa_public_key(octets)


def test_an_ed25519_key_is_32_octets() -> None:
    key = publickey.ed25519_public_key(ED25519.public_octets)
    assert (key.form, key.bits, key.exponent) == (publickey.RAW, 256, None)


def test_a_wrapped_ed25519_key_is_told_by_its_form() -> None:
    assert publickey.ed25519_public_key(ED_SPKI).form == publickey.SPKI


@pytest.mark.parametrize("size", [0, 31, 33, 44, 64])
def test_another_number_of_octets_is_no_ed25519_key(size: int) -> None:
    with pytest.raises(PublicKeyFault, match=f"these are {size}"):
        publickey.ed25519_public_key(bytes(size))


@pytest.mark.parametrize("key", [RSA_2048, RSA_1024, ED25519], ids=repr)
def test_a_signature_verifies_whole_and_with_its_digest_only(key: PrivateKey) -> None:
    check = ALGORITHMS[key.algorithm].verify
    signature = key.sign(DIGEST)
    assert check(key.public, signature, DIGEST)
    assert not check(key.public, signature, bytes(32))
    for other in (signature[:-1], b"", signature + b"\x00"):
        assert not check(key.public, other, DIGEST)


def test_a_sha256_signature_is_no_sha1_signature() -> None:
    signature = RSA_2048.sign(DIGEST)
    assert not publickey.verify_rsa_sha1(RSA_2048.public, signature, DIGEST[:20])


def test_ed25519_signs_the_digest_and_not_the_data() -> None:
    assert publickey.verify_ed25519(ED25519.public, ED25519._handle.sign(DIGEST), DIGEST)
