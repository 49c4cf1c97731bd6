"""What docs/howto/delegate.md says, as a user does it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import avowal
from avowal.crypto.signing import PrivateKey
from avowal.testing import ED25519, RSA_1024, RSA_2048, message, record_for


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "avowal", *words],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip


def pem(public: Any, form: str = "SubjectPublicKeyInfo") -> bytes:
    octets: bytes = public.public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo
        if form == "SubjectPublicKeyInfo"
        else serialization.PublicFormat.PKCS1,
    )
    return octets


@pytest.mark.parametrize(
    ("key", "form"),
    [
        pytest.param(RSA_2048, "SubjectPublicKeyInfo", id="rsa"),
        pytest.param(RSA_1024, "PKCS1", id="rsa-as-openssl-once-wrote-it"),
        pytest.param(ED25519, "SubjectPublicKeyInfo", id="ed25519"),
    ],
)
def test_a_public_key_alone_shows_the_record_of_its_pair(
    tmp_path: Path, key: PrivateKey, form: str
) -> None:
    (tmp_path / "key.pub").write_bytes(pem(key._handle.public_key(), form))
    done = run(tmp_path, "key", "show", "key.pub")
    assert (done.returncode, done.stdout.strip()) == (0, record_for(key))
    assert key.description in done.stderr


def test_with_a_name_it_is_a_line_of_the_zone(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_bytes(pem(ED25519._handle.public_key()))
    done = run(tmp_path, "key", "show", "key.pub", "-d", "example.com", "-s", "news2026")
    assert done.stdout.startswith("news2026._domainkey.example.com. 3600 IN TXT ( ")


def test_a_key_that_dkim_does_not_have_is_named(tmp_path: Path) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "key.pub").write_bytes(pem(public))
    done = run(tmp_path, "key", "show", "key.pub")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a public key, but neither RSA nor Ed25519" in done.stderr


def test_a_damaged_public_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    )
    done = run(tmp_path, "key", "show", "key.pub")
    assert (done.returncode, "no public key that can be read" in done.stderr) == (2, True)


def test_a_file_too_large_for_a_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_bytes(b"-----BEGIN PUBLIC KEY-----\n" + b"A" * (1 << 17))
    done = run(tmp_path, "key", "show", "key.pub")
    assert (done.returncode, done.stdout) == (2, "")


def test_the_private_half_is_still_shown_and_still_guarded(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(ED25519.pem())
    (tmp_path / "key.pem").chmod(0o644)
    assert "chmod 600" in run(tmp_path, "key", "show", "key.pem").stderr
    (tmp_path / "key.pem").chmod(0o600)
    assert run(tmp_path, "key", "show", "key.pem").stdout.strip() == record_for(ED25519)


def test_a_third_party_signs_with_its_own_domain_by_atps(tmp_path: Path) -> None:
    made = run(tmp_path, "policy", "make", "example.com", "--third-party", "delegate.example")
    name, _, text = made.stdout.partition(". ")
    post = message()
    field = avowal.sign(
        post, domain="delegate.example", selector="s", key=ED25519,
        other_tags=(("atps", b"example.com"), ("atpsh", b"sha256")),
    )  # fmt: skip
    zone = {
        "s._domainkey.delegate.example": record_for(ED25519),
        "_adsp._domainkey.example.com": "dkim=discardable",
        "example.com": {"MX": ["10 mx.example.com"]},
        name: text.partition('"')[2].partition('"')[0],
    }
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    (tmp_path / "m.eml").write_bytes(field + post)
    words = ("policy", "evaluate", "m.eml", "--zone", "zone.json", "--as", "adsp", "--json")
    found = json.loads(run(tmp_path, *words, "--atps").stdout)
    assert (found["atps"], found["verdicts"][0]["result"]) == ("pass", "pass")
    assert json.loads(run(tmp_path, *words).stdout)["verdicts"][0]["result"] == "discard"
