"""Private keys: every form operators have, and what never leaks."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from avowal.crypto.signing import KnowsPublicKey, PrivateKey, generate, parse_private_key
from avowal.errors import KeyMaterialError
from avowal.testing import ED25519, RSA_1024, RSA_2048


def written(key: PrivateKey, encoding: Encoding, form: PrivateFormat, password: str = "") -> bytes:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key._handle.private_bytes(encoding, form, protection)


PKCS1 = written(RSA_2048, Encoding.PEM, PrivateFormat.TraditionalOpenSSL)
DER = written(RSA_2048, Encoding.DER, PrivateFormat.PKCS8)
SEED = written(ED25519, Encoding.Raw, PrivateFormat.Raw)


@pytest.mark.parametrize(
    ("octets", "key"),
    [
        pytest.param(RSA_2048.pem(), RSA_2048, id="pkcs8-pem"),
        pytest.param(PKCS1, RSA_2048, id="pkcs1-pem-of-openssl-and-opendkim"),
        pytest.param(PKCS1.replace(b"\n", b"\r\n"), RSA_2048, id="pem-with-crlf"),
        pytest.param(b"a comment\n" + PKCS1 + b"\n", RSA_2048, id="pem-with-text-around"),
        pytest.param(DER, RSA_2048, id="der"),
        pytest.param(base64.b64encode(DER), RSA_2048, id="base64-der-of-opendkim-tables"),
        pytest.param(base64.encodebytes(DER), RSA_2048, id="base64-in-lines"),
        pytest.param(ED25519.pem(), ED25519, id="ed25519-pem"),
        pytest.param(base64.b64encode(SEED) + b"\n", ED25519, id="ed25519-seed-of-dkimpy"),
        pytest.param(RSA_1024.pem(), RSA_1024, id="the-smallest-rsa-key"),
    ],
)
def test_every_form_of_a_key_is_read(octets: bytes, key: PrivateKey) -> None:
    assert parse_private_key(octets).public_octets == key.public_octets


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_needs_its_password(form: PrivateFormat) -> None:
    octets = written(RSA_2048, Encoding.PEM, form, "secret")
    assert parse_private_key(octets, password=b"secret").bits == 2048
    with pytest.raises(KeyMaterialError, match="password"):
        parse_private_key(octets)
    with pytest.raises(KeyMaterialError):
        parse_private_key(octets, password=b"wrong")


def damaged() -> bytes:
    handle = RSA_2048._handle
    assert isinstance(handle, RSAPrivateKey)
    octets = bytearray(written(RSA_2048, Encoding.DER, PrivateFormat.TraditionalOpenSSL))
    octets[100] ^= 0x10  # within the modulus
    return bytes(octets)


EC_KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \r\n", "empty", id="white-space"),
        pytest.param(b"\xff\xfe binary", "neither PEM, DER nor base64", id="garbage"),
        pytest.param(b"QUJD", "no private key", id="base64-of-something-else"),
        pytest.param(EC_KEY, "neither RSA nor Ed25519", id="an-elliptic-curve-key"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----",
            "no private key in it",
            id="a-certificate",
        ),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\nQUJD\n", "can be read", id="half-a-pem"),
        pytest.param(damaged(), "damaged", id="a-damaged-key"),
    ],
)
def test_what_is_no_key_is_refused_by_name(octets: bytes, why: str) -> None:
    with pytest.raises(KeyMaterialError, match=why) as caught:
        parse_private_key(octets, source="k.pem")
    assert str(caught.value).startswith("k.pem: ")


@pytest.mark.parametrize("handle", ["a name", RSA_2048, ec.generate_private_key(ec.SECP256R1())])
def test_what_no_key_is_made_of_is_named(handle: object) -> None:
    with pytest.raises(KeyMaterialError) as caught:
        PrivateKey(handle)
    assert str(caught.value) == (
        f"private key: {type(handle).__name__} is no private key of cryptography, RSA or Ed25519"
    )


@pytest.mark.parametrize("bits", [512, 1023, 8193, 16384])
def test_a_key_of_a_bad_size_is_not_made(bits: int) -> None:
    with pytest.raises(KeyMaterialError, match=f"{bits} bits"):
        generate(bits=bits)


def test_a_512_bit_key_does_not_sign() -> None:
    with pytest.raises(KeyMaterialError, match="512 bits; 1024 to 8192 may sign"):
        parse_private_key(RSA_512)


def test_new_keys_are_rsa_2048_or_ed25519() -> None:
    assert (generate().algorithm, generate().bits) == ("rsa-sha256", 2048)
    assert generate("ed25519").algorithm == "ed25519-sha256"
    with pytest.raises(KeyMaterialError, match="type dsa"):
        generate("dsa")


def test_a_new_rsa_key_has_the_usual_exponent() -> None:
    assert generate(bits=1024).public.exponent == 65537


def test_a_key_knows_its_public_half() -> None:
    assert isinstance(ED25519, KnowsPublicKey)
    assert (ED25519.key_type, ED25519.bits) == ("ed25519", 256)


@pytest.mark.parametrize("key", [RSA_2048, ED25519], ids=repr)
def test_a_key_survives_being_written(key: PrivateKey) -> None:
    assert parse_private_key(key.pem(b"pw"), password=b"pw").public_octets == key.public_octets


# Published: good for nothing but this test.
RSA_512 = b"""\
-----BEGIN PRIVATE KEY-----
MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAyrIHgOn9xa5g2Wl7
5PnHFXo8pZikFyHI5RKR+kNEoqWBB6D65FDS2YVaqAgRWnDLDFqKkgax0yJcED2b
iMGZnQIDAQABAkA2W03F1Xo3lA7m3vHZst4ftVskMW33whikzbkV+woh73PEqPLo
ZIEnzTZ+A3GpEcxcPkHo3eyrDDicYX91E0YlAiEA9fDbBzmS3n2KSY0fVUJxix7/
gT4P0lVnCcvg0eLAUn8CIQDS/F5zettp8oQ3pNKC9TTYzFqy/h0o3Hi3IPrNt/gN
4wIhAOf3PU6qMelh9S18SoJLAfbazNikpZ2X6XBm+Gxd91GXAiEAkVZJVfFGndfy
XkZKwO1apxE2VWCZA6HEAhpUyks1M5MCIQDh1OxNPrzoHRlUCLPuimUJfbiJnWro
+RrtgNUtAV7png==
-----END PRIVATE KEY-----
"""
