"""``avowal arc``: run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.arc.arcs import KEYS, NOW, chain_of

from avowal.message import Message
from avowal.testing import record_for, tamper

DOMAINS = ("list.example", "relay.example", "example.com")
SEAL = ("seal", "-d", "relay.example", "-s", "e", "-k", "e.pem")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    zone = {f"e._domainkey.{domain}": record_for(KEYS["e"]) for domain in DOMAINS}
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    (tmp_path / "chained.eml").write_bytes(chain_of(2))
    (tmp_path / "broken.eml").write_bytes(tamper(chain_of(2)))
    (tmp_path / "stored.eml").write_bytes(chain_of(1).replace(b"\r\n", b"\n"))
    (tmp_path / "e.pem").write_bytes(KEYS["e"].pem())
    (tmp_path / "e.pem").chmod(0o600)
    return tmp_path


def avowal_arc(place: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "avowal", "arc", *arguments]
    command += ["--zone", "zone.json", "--at", str(NOW)]
    return subprocess.run(command, cwd=place, input=given, capture_output=True, check=False)


def test_a_chain_is_shown_with_its_sealers_and_what_they_found(place: Path) -> None:
    done = avowal_arc(place, "verify", "chained.eml")
    assert done.stdout.decode().splitlines() == [
        "pass: the chain validates",
        "  i=2 d=relay.example s=e cv=pass",
        "      mx.relay.example found arc=pass, spf=pass",
        "  i=1 d=list.example s=e cv=none",
        "      mx.list.example found arc=none, spf=pass",
    ]
    assert done.returncode == 0


def test_a_broken_chain_says_where_and_exits_with_1(place: Path) -> None:
    done = avowal_arc(place, "verify", "broken.eml")
    assert done.stdout.decode().startswith("fail: the newest ARC-Message-Signature does not verify")
    assert done.returncode == 1


def test_json_names_the_reason_and_each_set(place: Path) -> None:
    said = json.loads(avowal_arc(place, "verify", "--json", "broken.eml").stdout)
    assert (said["status"], said["reason"]) == ("fail", "message-signature")
    assert said["rfc"] == "RFC 8617 §5.2 step 4"
    assert [found["domain"] for found in said["sets"]] == ["list.example", "relay.example"]


@pytest.mark.parametrize("name", ["chained.eml", "stored.eml"])
def test_what_is_sealed_validates_and_keeps_its_line_ends(place: Path, name: str) -> None:
    octets = avowal_arc(place, *SEAL, name).stdout
    before = (place / name).read_bytes()
    assert octets.endswith(before)
    assert (b"\r\n" in octets) == (b"\r\n" in before)
    assert avowal_arc(place, "verify", given=octets).returncode == 0


def test_a_changed_message_is_sealed_upon_what_arrived(place: Path) -> None:
    changed = chain_of(2).replace(b"Subject: Lunch", b"Subject: [list] Lunch")
    refused = avowal_arc(place, *SEAL, given=changed)
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"not sealed: the chain does not validate" in refused.stderr
    done = avowal_arc(place, *SEAL, "--arrived", "chained.eml", given=changed)
    shown = avowal_arc(place, "verify", given=done.stdout).stdout.decode()
    assert shown.splitlines()[:2] == [
        "pass: the chain validates",
        "  the message was changed before instance 3 signed it",
    ]


def test_a_broken_chain_can_be_marked(place: Path) -> None:
    done = avowal_arc(place, *SEAL, "--mark-failed", "--field", "broken.eml")
    (seal, *_) = Message.parse(done.stdout).header.named(b"arc-seal")
    assert b"cv=fail" in seal.value


def test_results_that_cannot_be_carried_are_named(place: Path) -> None:
    lost = b"Authentication-Results: relay.example; spf=pass smtp.mailfrom=<a\r\n"
    done = avowal_arc(place, *SEAL, given=lost + chain_of(1))
    assert done.returncode == 0
    assert done.stderr.decode().startswith(
        "avowal: warning: not sealed: Authentication-Results, field 1 of the header:"
    )
