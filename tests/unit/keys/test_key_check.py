"""What ``avowal key check`` says of records that were pasted wrongly (RFC 6376 §3.6.1)."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from avowal.keys.check import check
from avowal.keys.slips import slip
from avowal.lookup import run
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_2048, Zone, record_for

GOOD = record_for(RSA_2048)
NAME = "s1._domainkey.example.com"
OWN = rsa.generate_private_key(public_exponent=65537, key_size=1024)


def private(form: PrivateFormat, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = OWN) -> str:
    return base64.b64encode(key.private_bytes(Encoding.DER, form, NoEncryption())).decode()


def problem(records: str | list[str]) -> str | None:
    of = DomainName.parse(b"example.com")
    return run(check(RSA_2048, DomainName.parse(b"s1"), of), Zone({NAME: records})).problem


@pytest.mark.parametrize(
    ("record", "part"),
    [
        pytest.param(
            f"v=DKIM1; k=rsa; p={private(PrivateFormat.PKCS8)}", "private key", id="pkcs8"
        ),
        pytest.param(
            f"v=DKIM1; k=rsa; p={private(PrivateFormat.TraditionalOpenSSL)}",
            "private key",
            id="pkcs1",
        ),
        pytest.param(
            "v=DKIM1; k=ed25519; p="
            + private(PrivateFormat.PKCS8, ed25519.Ed25519PrivateKey.generate()),
            "private key",
            id="ed25519",
        ),
        pytest.param(
            "v=DKIM1; p=-----BEGIN RSA PRIVATE KEY-----MIIE", "private key", id="private-pem"
        ),
        pytest.param(
            GOOD.replace("p=", "p=-----BEGIN PUBLIC KEY-----") + "-----END PUBLIC KEY-----",
            "PEM file",
            id="pem-lines",
        ),
        pytest.param(f'"{GOOD}"', "quotes", id="quotes"),
        pytest.param(GOOD.replace("p=", 'p="') + '"', "quotes", id="quotes-around-p"),
        pytest.param(GOOD.replace(";", "\\;"), "backslashes", id="backslashes"),
        pytest.param(GOOD.replace("k=rsa", "k=RSA"), "write k=rsa", id="k-in-capitals"),
        pytest.param(GOOD.replace("DKIM1", "dkim1"), "write v=DKIM1", id="v-in-small-letters"),
        pytest.param(GOOD.replace("p=", "P="), "write p=", id="p-in-capitals"),
        pytest.param("hello", "not a key record", id="anything-else"),
    ],
)
def test_a_record_pasted_wrongly_is_named(record: str, part: str) -> None:
    assert part in (problem(record) or "")


def test_a_private_key_beside_the_right_record_is_still_named() -> None:
    records = [GOOD, f"v=DKIM1; p={private(PrivateFormat.PKCS8)}"]
    assert "private key" in (problem(records) or "")


@pytest.mark.parametrize("key", [RSA_2048, ED25519], ids=["rsa", "ed25519"])
def test_a_good_record_is_no_slip(key: object) -> None:
    assert slip(record_for(key).encode()) is None  # type: ignore[arg-type]


def test_line_breaks_are_remarked_on() -> None:
    of = DomainName.parse(b"example.com")
    found = run(check(RSA_2048, DomainName.parse(b"s1"), of), Zone({NAME: GOOD + "\n"}))
    assert found.problem is None
    assert any("line breaks" in remark for remark in found.remarks)
