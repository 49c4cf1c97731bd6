"""``avowal list``: run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import avowal
from avowal import authres
from avowal.message import Message
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

NOW = 1_800_000_000
ZONE = {
    "a._domainkey.example.com": record_for(ED25519),
    "l._domainkey.lists.example": record_for(RSA_2048),
}
STRICT = {**ZONE, "_dmarc.example.com": "v=DMARC1; p=reject"}
POST = avowal.sign(message(), domain="example.com", selector="a", key=ED25519, now=NOW) + message()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    (tmp_path / "strict.json").write_text(json.dumps(STRICT))
    (tmp_path / "post.eml").write_bytes(POST)
    (tmp_path / "footer.txt").write_text("-- \nbees\n")
    (tmp_path / "l.pem").write_bytes(RSA_2048.pem())
    (tmp_path / "l.pem").chmod(0o600)
    return tmp_path


def avowal_list(place: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "avowal", "list", *arguments, "--at", str(NOW)]
    return subprocess.run(command, cwd=place, input=given, capture_output=True, check=False)


PIPE = ("pipe", "-l", "bees@lists.example", "-d", "lists.example", "-s", "l", "-k", "l.pem")
CHANGING = (*PIPE, "--subject-tag", "[bees]", "--footer", "footer.txt")


def results(octets: bytes) -> dict[str | None, str]:
    return {v.domain: str(v.result) for v in avowal.verify(octets, Zone(ZONE), now=NOW)}


def test_the_advice_names_the_decision_first(place: Path) -> None:
    done = avowal_list(place, "advise", "--footer", "--zone", "strict.json", "post.eml")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "signature of example.com: pass, breaks: the whole body is signed"
    assert lines[1].startswith("keep-body: ")
    assert done.returncode == 0


def test_the_habits_can_be_read_off_a_copy(place: Path) -> None:
    sent = avowal_list(place, *CHANGING, "--zone", "zone.json", given=POST).stdout
    (place / "sent.eml").write_bytes(sent)
    done = avowal_list(
        place, "advise", "--seen", "sent.eml", "--zone", "strict.json", "--json", "post.eml"
    )
    assert json.loads(done.stdout)["advice"][0]["why"] == (
        "example.com publishes p=reject, and Subject is signed"
    )


def test_an_unsigned_post_under_a_strict_policy_is_refused(place: Path) -> None:
    done = avowal_list(place, "advise", "--zone", "strict.json", given=message())
    assert done.stdout.startswith(b"refuse: ")
    assert done.returncode == 1


def test_a_post_without_changes_keeps_the_author_s_signature(place: Path) -> None:
    done = avowal_list(place, *PIPE, "--zone", "zone.json", given=POST)
    assert results(done.stdout) == {"lists.example": "pass", "example.com": "pass"}


def test_a_changed_post_carries_the_list_s_signature_and_its_record(place: Path) -> None:
    done = avowal_list(place, *CHANGING, "--zone", "zone.json", given=POST)
    assert results(done.stdout) == {"lists.example": "pass", "example.com": "fail"}
    assert b"dkim=pass" in done.stdout


@pytest.mark.parametrize(
    ("zone", "how", "expected"),
    [
        ("zone.json", "auto", b" Alice <alice@example.com>"),
        ("strict.json", "auto", b' "Alice via bees" <bees@lists.example>'),
        ("zone.json", "always", b' "Alice via bees" <bees@lists.example>'),
        ("strict.json", "never", b" Alice <alice@example.com>"),
    ],
)
def test_from_is_rewritten_where_the_policy_makes_it_necessary(
    place: Path, zone: str, how: str, expected: bytes
) -> None:
    done = avowal_list(place, *CHANGING, "--zone", zone, "--rewrite-from", how, given=POST)
    (author,) = Message.parse(done.stdout).header.named(b"from")
    assert author.value == expected


def test_a_refused_post_is_not_written(place: Path) -> None:
    done = avowal_list(place, *PIPE, "--refuse", "--zone", "strict.json", given=message())
    assert (done.stdout, done.returncode) == (b"", 1)
    assert b"p=reject" in done.stderr


def test_a_stored_post_comes_out_with_its_line_ends(place: Path) -> None:
    stored = POST.replace(b"\r\n", b"\n")
    done = avowal_list(place, *CHANGING, "--zone", "zone.json", given=stored)
    assert b"\r" not in done.stdout
    assert results(done.stdout)["lists.example"] == "pass"


# -- sealing -----------------------------------------------------------------------------


def chain(octets: bytes) -> avowal.ChainVerification:
    return avowal.verify_chain(octets, Zone(ZONE), now=NOW)


@pytest.mark.parametrize("rounds", [1, 2], ids=["a first set", "a second set"])
def test_a_post_is_sealed_last(place: Path, rounds: int) -> None:
    sent = POST
    for _ in range(rounds):
        sent = avowal_list(place, *CHANGING, "--seal", "--zone", "zone.json", given=sent).stdout
    assert chain(sent).passed
    assert chain(sent).sealers == ("lists.example",) * rounds
    assert Message.parse(sent).header.names[:3] == [
        b"arc-seal", b"arc-message-signature", b"arc-authentication-results"
    ]  # fmt: skip
    assert results(sent)["lists.example"] == "pass"


def test_the_seal_holds_the_results_that_were_recorded(place: Path) -> None:
    done = avowal_list(place, *CHANGING, "--seal", "--zone", "zone.json", given=POST)
    (sealed,) = (arc_set.results.results for arc_set in chain(done.stdout).chain.sets)
    assert sealed is not None
    recorded = authres.read(done.stdout, trusted={"lists.example"}).results
    assert sealed.results == recorded
    assert {(r.method, r.result) for r in recorded} == {
        ("dkim", "pass"), ("dmarc", "none"), ("arc", "none")
    }  # fmt: skip


def test_a_broken_chain_is_told_and_not_continued(place: Path) -> None:
    """RFC 8617 section 5.1.3."""
    sent = avowal_list(place, *CHANGING, "--seal", "--zone", "zone.json", given=POST).stdout
    done = avowal_list(place, *PIPE, "--seal", "--zone", "zone.json", given=tamper(sent))
    assert done.returncode == 0
    assert b"not sealed: " in done.stderr
    assert done.stdout.count(b"ARC-Seal:") == 1
    assert b"arc=fail" in done.stdout


def test_spf_is_checked_and_recorded_where_the_client_is_told(place: Path) -> None:
    arguments = ("--client", "192.0.2.1", "--mail-from", "<a@example.com>")
    done = avowal_list(place, *PIPE, *arguments, "--zone", "zone.json", given=POST)
    assert b"spf=none smtp.mailfrom=example.com" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(("--client", "nobody"), "is no IP address", id="a client that is none"),
        pytest.param(("--footer", "none.txt"), "No such file", id="no footer"),
        pytest.param(("-s", "m"), "one --selector belongs to each --key", id="a selector too many"),
        pytest.param(("--subject-tag", "[a\nb]"), "is no tag", id="a tag of two lines"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    place: Path, arguments: tuple[str, ...], why: str
) -> None:
    done = avowal_list(place, *PIPE, *arguments, "--zone", "zone.json", given=POST)
    assert done.returncode == 2
    assert why in done.stderr.decode()
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
