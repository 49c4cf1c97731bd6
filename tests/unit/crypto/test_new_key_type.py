"""A key type that DKIM does not have goes all the way: registered twice, known to nobody else.

Ed448 (RFC 8032) over SHA-512: key file, zone record, signer, verifier, the daemon's
configuration, and OpenDKIM's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.inspecting import inspected

import avowal
from avowal.agenda import Rank
from avowal.app import plan
from avowal.config.opendkim_conf import read_conf
from avowal.config.toml import parse
from avowal.crypto import privatekey, publickey
from avowal.crypto.algorithms import Algorithm, AlgorithmStatus, register, unregister
from avowal.crypto.privatekey import KeyKind, register_kind, unregister_kind
from avowal.crypto.publickey import PublicKey, PublicKeyFault
from avowal.crypto.signing import generate
from avowal.dns.drivers import drive
from avowal.errors import ConfigError, UsageError
from avowal.flow.decide import decide
from avowal.flow.transaction import Transaction
from avowal.keys.files import load_key, write_key
from avowal.message import Message
from avowal.milter.packets import InsertHeader
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import Filtering, OpendkimGeneration
from avowal.opendkim.settings import compiled
from avowal.testing import Zone, message, record_for

NOW = 1_700_000_000


def load_public(octets: bytes) -> PublicKey:
    try:
        handle = Ed448PublicKey.from_public_bytes(octets)
    except ValueError as error:
        raise PublicKeyFault(0, str(error)) from None
    return PublicKey(key_type="ed448", bits=456, form=publickey.RAW, handle=handle)


def fits(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    try:
        key.handle.verify(signature, digest)
    except InvalidSignature:
        return False
    return True


ALGORITHM = Algorithm(
    name="ed448-sha512", key_type="ed448", hash_name="sha512", status=AlgorithmStatus.CURRENT,
    source="this test", key_forms=(publickey.RAW,), load_public=load_public, verify=fits,
)  # fmt: skip
KIND = KeyKind(
    algorithm="ed448-sha512",
    title="Ed448",
    handle=Ed448PrivateKey,
    make=lambda bits: Ed448PrivateKey.generate(),
    publish=lambda handle: handle.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
    sign=lambda handle, digest: handle.sign(digest),
    bits=456,
)


@pytest.fixture
def registered() -> Iterator[None]:
    register(ALGORITHM)
    register_kind(KIND)
    yield
    unregister_kind("ed448-sha512")
    unregister("ed448-sha512")


@pytest.fixture
def key_file(registered: None, tmp_path: Path) -> Path:
    path = tmp_path / "s1.pem"
    write_key(path, generate("ed448"))
    return path


@pytest.fixture
def zone(key_file: Path) -> Zone:
    return Zone({"s1._domainkey.example.com": record_for(load_key(key_file))})


def verified(octets: bytes, zone: Zone) -> tuple[str | None, bool]:
    (verdict,) = avowal.verify(octets, zone, now=NOW)
    return verdict.algorithm, verdict.passed


def test_the_key_file_is_read_and_described(key_file: Path) -> None:
    key = load_key(key_file)
    assert (key.algorithm, key.key_type, key.bits) == ("ed448-sha512", "ed448", 456)
    assert key.description == "Ed448"


def test_the_record_names_the_key_type(key_file: Path) -> None:
    assert record_for(load_key(key_file)).startswith("v=DKIM1; k=ed448; p=")


def test_it_signs_and_verifies(key_file: Path, zone: Zone) -> None:
    field = avowal.sign(message(), domain="example.com", selector="s1", key=key_file, now=NOW)
    assert verified(field + message(), zone) == ("ed448-sha512", True)


def test_the_daemon_is_configured_with_it(key_file: Path, zone: Zone) -> None:
    toml = f"""
        [keys.main]
        domain = "example.com"
        selector = "s1"
        file = "{key_file}"
        algorithm = "ed448-sha512"

        [[signing.rules]]
        from = "example.com"
        keys = ["main"]
    """
    loaded = parse(toml.encode(), file="avowal.toml")
    whole = Message.parse(message())
    transaction = Transaction(received_at=NOW, client=None, auth=None)
    compiled_plan = plan(loaded.configuration, loaded.places)
    actions = decide(
        inspected(compiled_plan, transaction, whole.header, [whole.body], zone, now=NOW)
    )
    top = b"".join(field.raw + b"\r\n" for field in actions.insert)
    assert verified(top + message(), zone) == ("ed448-sha512", True)
    assert [made.algorithm for made in actions.record.made] == ["ed448-sha512"]


def test_opendkims_configuration_knows_it(key_file: Path, zone: Zone, tmp_path: Path) -> None:
    path = tmp_path / "opendkim.conf"
    path.write_text(
        f"Mode s\nDomain example.com\nSelector s1\nKeyFile {key_file}\n"
        "SignatureAlgorithm ed448-sha512\nMinimumKeyBits 1024\n"
    )
    generation = OpendkimGeneration.of(compiled(read_conf(str(path))))
    whole = Message.parse(message())
    envelope = Envelope(client_name="localhost", client="127.0.0.1", macros={})
    filtering = Filtering(generation, envelope, whole.header, now=NOW, draw=99)
    drive(filtering.agenda, zone, seconds=20)
    filtering.feed(whole.body)
    slot = filtering.agenda.add(filtering.finish(), Rank.POLICY)
    drive(filtering.agenda, zone, seconds=20)
    verdict = slot.value
    inserted = [one for one in verdict.modifications if isinstance(one, InsertHeader)]
    top = b"".join(
        one.name + b":" + one.value.replace(b"\n", b"\r\n") + b"\r\n"
        for one in inserted
        if one.name == b"DKIM-Signature"
    )
    assert verified(top + message(), zone) == ("ed448-sha512", True)


def test_unregistered_it_is_unknown_everywhere(key_file: Path) -> None:
    toml = f'[keys.main]\ndomain = "example.com"\nselector = "s1"\nfile = "{key_file}"\n'
    toml += 'algorithm = "ed448-sha3"\n'
    loaded = parse(toml.encode(), file="avowal.toml")
    with pytest.raises(ConfigError, match="rsa-sha256, ed25519-sha256, ed448-sha512"):
        plan(loaded.configuration, loaded.places)


def test_a_kind_needs_its_algorithm() -> None:
    with pytest.raises(UsageError, match="register the algorithm ed448-sha512 first"):
        register_kind(KIND)
    assert "ed448" not in privatekey.kinds()
