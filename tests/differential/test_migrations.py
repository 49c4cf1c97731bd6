"""The statements of the pages that tell how to move here, each tried on both sides."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.policy.spf import SpfRequest, check_identity
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

NAMES = {
    "dkimsign": "dkim.dkimsign", "dkimverify": "dkim.dkimverify", "dknewkey": "dkim.dknewkey",
    "arcsign": "dkim.arcsign", "arcverify": "dkim.arcverify", "avowal": "avowal",
}  # fmt: skip


def run(folder: Path, *command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-m", NAMES[command[0]], *command[1:]]
    return subprocess.run(
        program, input=stdin, capture_output=True, cwd=folder, timeout=60, check=False
    )


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the keys of dknewkey, their records as a zone, and a message."""
    pytest.importorskip("nacl", reason="dkimpy needs PyNaCl for Ed25519")
    for name, kind in (("s1", "rsa"), ("e1", "ed25519")):
        assert run(tmp_path, "dknewkey", "--ktype", kind, name).returncode == 0
        (tmp_path / f"{name}.key").chmod(0o600)
    zone = {
        f"{name}._domainkey.example.com": (tmp_path / f"{name}.dns").read_text()
        for name in ("s1", "e1")
    }
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    (tmp_path / "m").write_bytes(message())
    return tmp_path


def zone_of(folder: Path) -> Any:
    return json.loads((folder / "zone.json").read_text())


@pytest.mark.parametrize("name", ["s1", "e1"])
def test_keys_of_dknewkey_sign_and_their_records_verify(keys: Path, name: str) -> None:
    signed = run(keys, "avowal", "sign", "-d", "example.com", "-s", name, "-k", f"{name}.key", "m")
    assert run(keys, "avowal", "verify", "--zone", "zone.json", "-", stdin=signed.stdout)
    assert [v.passed for v in avowal.verify(signed.stdout, zone_of(keys))] == [True]


def test_new_keys_are_in_pkcs8_with_their_record_and_never_overwritten(tmp_path: Path) -> None:
    command = ("avowal", "key", "generate", "-d", "example.com", "-s", "s1", "--type", "ed25519")
    made = run(tmp_path, *command)
    assert made.stdout.startswith(b"s1._domainkey.example.com. ")
    assert (tmp_path / "s1.pem").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert run(tmp_path, *command).returncode != 0


def test_both_sign_what_the_other_forms_say(keys: Path) -> None:
    theirs = run(keys, "dkimsign", "s1", "example.com", "s1.key", stdin=message()).stdout
    ours = run(
        keys, "avowal", "sign", "-d", "example.com", "-s", "s1", "-k", "s1.key",
        "-c", "relaxed/simple", "-i", "@example.com", "m",
    ).stdout  # fmt: skip
    found = [avowal.verify(octets, zone_of(keys))[0] for octets in (theirs, ours)]
    assert all(verdict.passed for verdict in found)
    signatures = [verdict.signature for verdict in found if verdict.signature is not None]
    assert len({(str(s.identity), s.body_canon, s.header_canon) for s in signatures}) == 1


def test_a_message_without_a_signature_is_status_1_in_both(keys: Path) -> None:
    assert run(keys, "dkimverify", stdin=message()).returncode == 1
    assert run(keys, "avowal", "verify", "-", stdin=message()).returncode == 1


def test_both_seal_and_both_chains_validate(keys: Path) -> None:
    results = b"Authentication-Results: mx.example.com; dkim=none\r\n"
    arrived = results + message()
    theirs = run(keys, "arcsign", "s1", "example.com", "s1.key", "mx.example.com", stdin=arrived)
    ours = run(
        keys, "avowal", "arc", "seal", "-d", "example.com", "-s", "s1", "-k", "s1.key",
        "--authserv-id", "mx.example.com", "-", stdin=arrived,
    )  # fmt: skip
    for sealed in (theirs.stdout, ours.stdout):
        assert str(avowal.verify_chain(sealed, zone_of(keys)).status) == "pass"
        checked = run(keys, "avowal", "arc", "verify", "--zone", "zone.json", "-", stdin=sealed)
        assert checked.returncode == 0
    bare = ("-s", "s1", "-k", "s1.key", "--authserv-id", "mx.example.com", "-")
    lone = run(keys, "avowal", "arc", "seal", "-d", "example.com", *bare, stdin=message())
    assert b"arc=none" in lone.stdout


RECORDS = {
    "example.com": ["v=spf1 ip4:192.0.2.0/24 -all"],
    "soft.example": ["v=spf1 ~all"],
    "told.example": ["v=spf1 -all exp=why.told.example"],
    "why.told.example": ["%{i} is not one of %{d}'s servers"],
    "two.example": ["v=spf1 -all", "v=spf1 +all"],
    "unknown.example": ["v=spf1 foo:bar -all"],
    "loop.example": ["v=spf1 include:loop.example -all"],
}
ENVELOPES = [
    ("192.0.2.1", "a@example.com", "pass"), ("198.51.100.1", "a@example.com", "fail"),
    ("198.51.100.1", "a@soft.example", "softfail"), ("198.51.100.1", "a@told.example", "fail"),
    ("198.51.100.1", "a@none.example", "none"), ("198.51.100.1", "a@two.example", "permerror"),
    ("198.51.100.1", "a@unknown.example", "permerror"), ("192.0.2.1", "", "pass"),
    ("198.51.100.1", "a@loop.example", "permerror"), ("198.51.100.1", "", "fail"),
    ("198.51.100.1", "a@late.example", "temperror"),
]  # fmt: skip


@pytest.mark.parametrize(("client", "mail_from", "word"), ENVELOPES)
def test_pyspf_says_the_same(
    client: str, mail_from: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spf = pytest.importorskip("spf", reason="pyspf is not installed (extra: bench)")

    def look_up(name: str, kind: str, *_: Any, **__: Any) -> list[Any]:
        if name == "late.example":
            raise spf.TempError("DNS timeout")
        found = RECORDS.get(name.rstrip("."), []) if kind == "TXT" else []
        return [((name, kind), (text.encode(),)) for text in found]

    monkeypatch.setattr(spf, "DNSLookup", look_up)
    zone = Zone({**RECORDS, "late.example": avowal.Failure.TIMEOUT})
    request = SpfRequest(
        client=ip_address(client), mail_from=mail_from.encode(), helo=b"example.com"
    )
    found = avowal.run(check_identity(request, explain=True), zone)
    result, told = spf.check2(client, mail_from, "example.com")
    assert (result, str(found.word)) == (word, word)
    assert found.explanation in {None, told}


def test_authheaders_looks_at_the_first_signature_only() -> None:
    authheaders = pytest.importorskip("authheaders", reason="not installed (extra: dependants)")
    records = {
        "s1._domainkey.example.com": record_for(RSA_2048),
        "_dmarc.example.com": "v=DMARC1; p=reject",
    }

    def dnsfunc(name: Any, timeout: int = 5) -> Any:
        text = name.decode() if isinstance(name, bytes) else name
        found = records.get(text.rstrip("."))
        return found if found is None or text.startswith("_dmarc") else found.encode()

    def theirs(octets: bytes) -> str:
        return str(
            authheaders.authenticate_message(octets, "mx.example.net", spf=False, dnsfunc=dnsfunc)
        )

    def ours(octets: bytes) -> bytes:
        return avowal.authenticate(octets, records).results_field("mx.example.net")

    good = avowal.sign(message(), domain="example.com", selector="s1", key=RSA_2048) + message()
    other = avowal.sign(message(), domain="example.org", selector="s1", key=ED25519) + good
    assert "dmarc=pass" in theirs(good)
    assert b"dmarc=pass" in ours(good)
    assert "dmarc=fail" in theirs(other)
    assert b"dmarc=pass" in ours(other)
    assert "dkim=fail" in theirs(message())
    assert b"dkim=none" in ours(message())
