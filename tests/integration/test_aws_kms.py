"""Keys in AWS KMS, against moto's server.

moto says of itself that MessageType=DIGEST is not implemented: it hashes the digest once more.
It is taught here what AWS documents, and the requests are AWS's library's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

import avowal
from avowal.errors import KeyMaterialError
from avowal.keys.aws_kms import open_aws_kms
from avowal.keys.places import Opening, Place
from avowal.keys.records import record_text
from avowal.testing import Zone, message

boto3 = pytest.importorskip("boto3")
server = pytest.importorskip("moto.server")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def sign_digest(self: Any, message: bytes, signing_algorithm: str) -> bytes:
    """Sign a digest as AWS KMS does (API reference, Sign: MessageType)."""
    assert (len(message), signing_algorithm) == (32, "RSASSA_PKCS1_V1_5_SHA_256")
    made: bytes = self.private_key.sign(
        message, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256())
    )
    return made


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        patch.setattr("moto.kms.utils.RSAPrivateKey.sign", sign_digest)
        emulator = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        emulator.start()
        host, port = emulator.get_host_and_port()
        try:
            yield f"http://{host}:{port}"
        finally:
            emulator.stop()


def made(endpoint: str, spec: str, usage: str = "SIGN_VERIFY") -> str:
    client: Any = boto3.client("kms", region_name="eu-central-1", endpoint_url=endpoint)
    key: str = client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]
    client.close()
    return key


def opened(endpoint: str, key: str, more: str = "") -> Any:
    return open_aws_kms(Place.parse(f"aws-kms:{key}?endpoint={endpoint}{more}"), Opening())


def test_a_message_that_kms_signed_passes(endpoint: str) -> None:
    key = opened(endpoint, made(endpoint, "RSA_2048"))
    field = avowal.sign(message(), domain="example.com", selector="s1", key=key)
    zone = Zone({"s1._domainkey.example.com": record_text(key)})
    assert [one.passed for one in avowal.verify(field + message(), zone)] == [True]
    key.close()


async def test_it_is_asked_in_threads(endpoint: str) -> None:
    key = opened(endpoint, made(endpoint, "RSA_2048"))
    assert await key.asign(bytes(32)) == key.sign(bytes(32))
    key.close()


def test_a_name_wants_a_region(endpoint: str) -> None:
    key = made(endpoint, "RSA_2048").rpartition("/")[2]
    opened(endpoint, key, "&region=eu-central-1").close()
    with pytest.raises(KeyMaterialError, match="region"):
        opened(endpoint, key)


@pytest.mark.parametrize(
    ("spec", "usage", "why"),
    [
        pytest.param("ECC_NIST_P256", "SIGN_VERIFY", "mail is signed with RSA", id="a curve"),
        pytest.param("RSA_2048", "ENCRYPT_DECRYPT", "mail is signed with RSA", id="to encrypt"),
    ],
)
def test_a_key_that_does_not_sign_mail_is_refused(
    endpoint: str, spec: str, usage: str, why: str
) -> None:
    with pytest.raises(KeyMaterialError, match=why):
        opened(endpoint, made(endpoint, spec, usage))


def test_what_is_not_there_and_who_does_not_answer_is_said(
    endpoint: str, unused_tcp_port: int
) -> None:
    arn = made(endpoint, "RSA_2048")
    with pytest.raises(KeyMaterialError, match="NotFoundException"):
        opened(endpoint, arn[:-4] + "0000")
    with pytest.raises(KeyMaterialError, match="Could not connect"):
        opened(f"http://127.0.0.1:{unused_tcp_port}", arn)
