"""Key files that are encrypted with age: by a key, by a passphrase, and with the wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from avowal.crypto.age import AgeRecipients
from avowal.errors import KeyMaterialError
from avowal.keys.files import load_key, read_password, write_key
from avowal.keys.places import file_uri, open_private
from avowal.testing import ED25519

pyrage = pytest.importorskip("pyrage")


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """A file as age-keygen(1) writes it."""
    made = pyrage.x25519.Identity.generate()
    path = tmp_path / "identity"
    path.write_text(f"# created: 2026-11-30\n# public key: {made.to_public()}\n{made}\n")
    path.chmod(0o600)
    recipients = AgeRecipients.parse([str(made.to_public())])
    write_key(tmp_path / "k.pem", ED25519, recipients=recipients)
    return path


def test_a_key_is_read_again_by_the_identity(identity: Path, tmp_path: Path) -> None:
    assert b"PRIVATE" not in (tmp_path / "k.pem").read_bytes()
    key = load_key(tmp_path / "k.pem", password=read_password(identity))
    assert key.public_octets == ED25519.public_octets


def test_a_place_names_the_identity(identity: Path, tmp_path: Path) -> None:
    key = open_private(file_uri(f"{tmp_path}/k.pem", str(identity)))
    assert key.algorithm == "ed25519-sha256"


def test_a_passphrase_does_too(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    path.write_bytes(pyrage.passphrase.encrypt(ED25519.pem(), "correct horse"))
    path.chmod(0o600)
    assert load_key(path, password=b"correct horse").public_octets == ED25519.public_octets


@pytest.mark.parametrize(
    ("password", "why"),
    [
        pytest.param(None, "encrypted with age: give its password", id="none"),
        pytest.param(b"AGE-SECRET-KEY-1QQ", "for this key", id="no-key"),
        pytest.param(
            str(pyrage.x25519.Identity.generate()).encode(), "for this key", id="another-key"
        ),
        pytest.param(b"a passphrase", "not with this passphrase", id="a-passphrase"),
    ],
)
@pytest.mark.usefixtures("identity")
def test_the_wrong_secret_is_said(tmp_path: Path, password: bytes | None, why: str) -> None:
    with pytest.raises(KeyMaterialError, match=why) as caught:
        load_key(tmp_path / "k.pem", password=password)
    assert "SECRET" not in str(caught.value)
