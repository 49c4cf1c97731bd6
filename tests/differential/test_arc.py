"""Chains beside dkimpy and Mail::DKIM: they validate ours, we validate theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

import avowal
from avowal.testing import RSA_2048, Zone, message, record_for, tamper

NOW = 1_700_000_000  # dkimpy looks at the clock: t= must lie behind it
DOMAINS = ("list.example", "relay.example", "third.example")
RECORDS = {f"r._domainkey.{domain}": record_for(RSA_2048) for domain in DOMAINS}
ZONE = Zone(RECORDS)
PERL = Path(__file__).with_name("peers") / "mail_dkim_arc.pl"
Sealer = Callable[[bytes, str, str], bytes]


def pkcs1() -> bytes:
    """The key in the one form that all three read."""
    private = load_pem_private_key(RSA_2048.pem(), None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def results(domain: str, status: str) -> bytes:
    """What a host writes before it seals; both peers seal what stands in the message."""
    line = f"Authentication-Results: {domain}; arc={status}; spf=pass smtp.mailfrom=a.example"
    return line.encode() + b"\r\n"


def ours(octets: bytes, domain: str, status: str) -> bytes:
    return avowal.seal(
        octets, ZONE, authserv_id=domain, domain=domain, selector="r", key=RSA_2048, now=NOW
    )


def dkimpys(octets: bytes, domain: str, status: str) -> bytes:
    fields = dkim.arc_sign(octets, b"r", domain.encode(), pkcs1(), domain.encode(), timestamp=NOW)
    return b"".join(fields)


@pytest.fixture
def perls(tmp_path: Path) -> Sealer:
    key = tmp_path / "key.pem"
    key.write_bytes(pkcs1())

    def seal(octets: bytes, domain: str, status: str) -> bytes:
        made = perl(tmp_path, octets, "seal", domain, "r", str(key), status)
        return made.rstrip(b"\r\n") + b"\r\n"

    return seal


def perl(folder: Path, octets: bytes, task: str, *words: str) -> bytes:
    records = folder / "records"
    records.write_text("".join(f"{name}\t{text}\n" for name, text in RECORDS.items()))
    done = subprocess.run(
        ["perl", str(PERL), task, str(records), *words],
        input=octets,
        capture_output=True,
        check=True,
    )
    return done.stdout


def chain(seal: Sealer, hops: int) -> bytes:
    octets = message()
    for hop, domain in enumerate(DOMAINS[:hops]):
        status = "pass" if hop else "none"
        octets = results(domain, status) + octets
        octets = seal(octets, domain, status) + octets
    return octets


def dkimpy_says(octets: bytes) -> str:
    def ask(name: bytes | str, timeout: int = 5) -> bytes | None:
        text = name.decode() if isinstance(name, bytes) else name
        record = RECORDS.get(text.rstrip("."))
        return None if record is None else record.encode()

    status, _, _ = dkim.arc_verify(octets, dnsfunc=ask)
    return status.decode()


needs_mail_dkim = pytest.mark.skipif(
    not Path("/usr/share/perl5/Mail/DKIM/ARC/Verifier.pm").exists(),
    reason="not installed: libmail-dkim-perl (tests/system-packages.txt)",
)


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_dkimpy_validates_our_chains(hops: int) -> None:
    octets = chain(ours, hops)
    assert dkimpy_says(octets) == "pass"
    assert dkimpy_says(tamper(octets)) == "fail"


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_we_validate_dkimpys_chains(hops: int) -> None:
    octets = chain(dkimpys, hops)
    said = avowal.verify_chain(octets, ZONE, now=NOW)
    assert (str(said.status), said.oldest_pass) == ("pass", 0), said.explanation
    assert str(avowal.verify_chain(tamper(octets), ZONE, now=NOW).status) == "fail"


@needs_mail_dkim
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_mail_dkim_validates_our_chains(hops: int, tmp_path: Path) -> None:
    octets = chain(ours, hops)
    assert perl(tmp_path, octets, "verify").startswith(b"pass")
    assert perl(tmp_path, tamper(octets), "verify").startswith(b"fail")


@needs_mail_dkim
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_we_validate_mail_dkims_chains(hops: int, perls: Sealer) -> None:
    octets = chain(perls, hops)
    said = avowal.verify_chain(octets, ZONE, now=NOW)
    assert (str(said.status), said.oldest_pass) == ("pass", 0), said.explanation


@needs_mail_dkim
def test_a_chain_of_three_implementations_validates_everywhere(
    perls: Sealer, tmp_path: Path
) -> None:
    sealers = iter((ours, dkimpys, perls))

    def seal(octets: bytes, domain: str, status: str) -> bytes:
        return next(sealers)(octets, domain, status)

    octets = chain(seal, 3)
    assert str(avowal.verify_chain(octets, ZONE, now=NOW).status) == "pass"
    assert dkimpy_says(octets) == "pass"
    assert perl(tmp_path, octets, "verify").startswith(b"pass")
