"""What the commands do when all is well, and what their statuses say."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.dns.zone import Zone
from avowal.keys.files import load_key
from avowal.testing import ED25519, RSA_1024, RSA_2048, message, record_for, tamper

Avowal = Callable[..., Any]
ZONE = ("--zone", "zone.json")
SIGN = ("sign", "-d", "example.com", "-s", "s1", "-k", "s1.pem", "--at", "1795500000")
RSA = ("-d", "example.com", "-s", "s2", "-k", "s2.pem")


def objects(ran: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.stdout.splitlines()]


# --- verify -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(["signed.eml"], 0, id="passes"),
        pytest.param(["tampered.eml"], 1, id="fails"),
        pytest.param(["unsigned.eml"], 1, id="carries-no-signature"),
        pytest.param(["signed.eml", "tampered.eml"], 1, id="one-of-two-fails"),
        pytest.param(["late.eml"], 3, id="temperror"),
        pytest.param(["late.eml", "tampered.eml"], 1, id="a-failure-outweighs-temperror"),
        pytest.param(["late.eml", "nothing"], 2, id="an-unusable-source-outweighs-all"),
    ],
)
def test_the_status_of_verify_is_the_worst_result(
    avowal_command: Avowal, tmp_path: Path, arguments: list[str], status: int
) -> None:
    late = avowal.sign(message(), domain="late.example", selector="s", key=ED25519)
    (tmp_path / "late.eml").write_bytes(late + message())
    zone = json.loads((tmp_path / "zone.json").read_text())
    (tmp_path / "zone.json").write_text(
        json.dumps(zone | {"s._domainkey.late.example": "SERVFAIL"})
    )
    assert avowal_command("verify", *arguments, *ZONE).returncode == status


def test_text_names_result_domain_selector_algorithm_and_the_section(
    avowal_command: Avowal,
) -> None:
    text = avowal_command("verify", "signed.eml", "tampered.eml", *ZONE).stdout.decode()
    assert text.splitlines() == [
        "signed.eml",
        "  pass       d=example.com s=s1 a=ed25519-sha256",
        "tampered.eml",
        "  fail       d=example.com s=s1 a=ed25519-sha256",
        "             the body is not the one that was signed (RFC 6376 §6.1.3 step 3; body-hash)",
    ]


def test_text_shows_warnings(avowal_command: Avowal, tmp_path: Path) -> None:
    field = avowal.sign(message(), domain="example.com", selector="old", key=RSA_1024)
    (tmp_path / "old.eml").write_bytes(field + message())
    (tmp_path / "old.json").write_text(
        json.dumps({"old._domainkey.example.com": record_for(RSA_1024)})
    )
    text = avowal_command("verify", "old.eml", "--zone", "old.json").stdout.decode()
    assert "warning: the RSA key has fewer than 2048 bits (RFC 8301 §3.2)" in text


def test_text_holds_no_control_characters_of_strangers(
    avowal_command: Avowal, tmp_path: Path
) -> None:
    evil = (
        b"DKIM-Signature: v=1; a=\x1b]0;owned\x07; d=\x1b[31mred; s=\xc2\x9b2J; b=; bh=; h=from\r\n"
    )
    (tmp_path / "evil.eml").write_bytes(evil + message())
    text = avowal_command("verify", "evil.eml", *ZONE).stdout.decode()
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert r"\x1b[31mred" in text


def test_json_is_one_object_per_message(avowal_command: Avowal) -> None:
    ran = avowal_command("verify", "signed.eml", "tampered.eml", *ZONE, "--json")
    good, bad = objects(ran)
    assert (good["source"], good["passed"], good["message"]) == ("signed.eml", True, None)
    (result,) = good["results"]
    assert (
        result
        | {
            "result": "pass",
            "reason": None,
            "domain": "example.com",
            "selector": "s1",
            "algorithm": "ed25519-sha256",
            "identity": "@example.com",
            "timestamp": 1_795_500_000,
            "warnings": [],
        }
        == result
    )
    assert (bad["passed"], bad["results"][0]["reason"]) == (False, "body-hash")
    assert bad["results"][0]["rfc"] == "RFC 6376 §6.1.3 step 3"


def test_json_has_an_object_for_what_cannot_be_used(avowal_command: Avowal) -> None:
    (found,) = objects(avowal_command("verify", "nothing", *ZONE, "--json"))
    assert found["results"] == []
    assert found["error"] == "nothing: No such file or directory"


def test_the_schema_page_names_every_member(avowal_command: Avowal) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "json.md").read_text()
    (found,) = objects(avowal_command("verify", "signed.eml", *ZONE, "--json"))
    members = {*found, *found["results"][0], "error"}
    assert [name for name in sorted(members) if f"| `{name}` |" not in page] == []


def test_a_message_comes_from_standard_input(avowal_command: Avowal, tmp_path: Path) -> None:
    octets = (tmp_path / "signed.eml").read_bytes()
    ran = avowal_command("verify", "-", *ZONE, stdin=octets)
    assert ran.returncode == 0
    assert ran.stdout.startswith(b"standard input\n  pass")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param([], 0, id="auto-converts"),
        pytest.param(["--line-ends", "stored"], 0, id="stored-converts"),
        pytest.param(["--line-ends", "wire"], 1, id="wire-takes-octets-as-they-are"),
    ],
)
def test_a_file_with_lf_is_converted_unless_told_otherwise(
    avowal_command: Avowal, tmp_path: Path, options: list[str], status: int
) -> None:
    octets = (tmp_path / "signed.eml").read_bytes().replace(b"\r\n", b"\n")
    (tmp_path / "lf.eml").write_bytes(octets)
    assert avowal_command("verify", "lf.eml", *ZONE, *options).returncode == status


@pytest.mark.parametrize("time", ["1795500000", "2026-11-24T01:20:00Z", "2026-11-24 02:20+01:00"])
def test_the_time_may_be_another(avowal_command: Avowal, tmp_path: Path, time: str) -> None:
    field = avowal_command(*SIGN, "-x", "1h", "unsigned.eml").stdout
    (tmp_path / "short.eml").write_bytes(field)
    assert avowal_command("verify", "short.eml", *ZONE, "--at", time).returncode == 0
    late = avowal_command("verify", "short.eml", *ZONE, "--at", "2026-11-25", "--json")
    assert objects(late)[0]["results"][0]["reason"] == "expired"
    archive = avowal_command(
        "verify", "short.eml", *ZONE, "--at", "2026-11-25", "--profile", "archive"
    )
    assert archive.returncode == 0


def test_domainkeys_shows_in_archives_only(avowal_command: Avowal, tmp_path: Path) -> None:
    old = b"DomainKey-Signature: a=rsa-sha1; c=simple; d=example.com; s=s2; q=dns; b=AAAA\r\n"
    (tmp_path / "old.eml").write_bytes(old + message())
    assert "no DKIM signature" in avowal_command("verify", "old.eml", *ZONE).stdout.decode()
    ran = avowal_command("verify", "old.eml", *ZONE, "--profile", "archive", "--json")
    (result,) = objects(ran)[0]["results"]
    assert (result["protocol"], result["reason"]) == ("domainkeys", "signature")


def test_answers_are_recorded_and_replayed(avowal_command: Avowal, tmp_path: Path) -> None:
    avowal_command("verify", "signed.eml", *ZONE, "--record", "answers.json")
    assert Zone.from_file(tmp_path / "answers.json").resolve(()) == ()
    assert avowal_command("verify", "signed.eml", "--replay", "answers.json").returncode == 0
    other = avowal_command("verify", "late.eml", "--replay", "answers.json", stdin=b"")
    assert other.returncode == 2


# --- sign -------------------------------------------------------------------------------------


def test_sign_writes_the_whole_message(avowal_command: Avowal, tmp_path: Path) -> None:
    ran = avowal_command(*SIGN, "unsigned.eml")
    assert ran.stdout.endswith(message())
    assert ran.stderr == b""
    assert avowal.verify(ran.stdout, Zone.from_file(tmp_path / "zone.json"))[0].passed


def test_sign_writes_the_field_alone(avowal_command: Avowal) -> None:
    ran = avowal_command(*SIGN, "--field", "unsigned.eml")
    assert ran.stdout.startswith(b"DKIM-Signature: v=1;")
    assert ran.stdout.endswith(b"\r\n")
    assert b"From:" not in ran.stdout


def test_line_ends_leave_as_they_came(avowal_command: Avowal, tmp_path: Path) -> None:
    stored = message().replace(b"\r\n", b"\n")
    signed = avowal_command(*SIGN, stdin=stored).stdout
    assert b"\r" not in signed
    assert signed.endswith(stored)
    assert avowal_command("verify", "-", *ZONE, stdin=signed).returncode == 0
    wire = avowal_command(*SIGN, "--line-ends", "wire", stdin=stored).stdout
    assert wire.endswith(message())


def test_bare_line_breaks_leave_as_they_were_signed(avowal_command: Avowal) -> None:
    signed = avowal_command(*SIGN, stdin=message(body=b"one\rtwo\nthree\r\n")).stdout
    assert signed.endswith(b"\r\n\r\none\r\ntwo\r\nthree\r\n")
    assert avowal_command("verify", "-", *ZONE, stdin=signed).returncode == 0


def test_several_keys_make_several_signatures(avowal_command: Avowal) -> None:
    signed = avowal_command(*SIGN, "-s", "s2", "-k", "s2.pem", "unsigned.eml").stdout
    ran = avowal_command("verify", "-", *ZONE, "--json", stdin=signed)
    results = objects(ran)[0]["results"]
    assert [(r["algorithm"], r["result"]) for r in results] == [
        ("ed25519-sha256", "pass"),
        ("rsa-sha256", "pass"),
    ]


@pytest.mark.parametrize(
    ("options", "tag"),
    [
        pytest.param(["-i", "ann@news.example.com"], b"i=ann@news.example.com;", id="identity"),
        pytest.param(["-x", "7d"], b"x=1796104800;", id="expire"),
        pytest.param(["-c", "simple/relaxed"], b"c=simple/relaxed;", id="canon"),
        pytest.param(["-c", "simple"], b"c=simple/simple;", id="canon-header-alone"),
        pytest.param(["--oversign", "X-Risk, Sender"], b":x-risk", id="oversign"),
        pytest.param(["--copy-fields"], b"z=From:=20Alice", id="copies"),
    ],
)
def test_sign_options_reach_the_signature(
    avowal_command: Avowal, options: list[str], tag: bytes
) -> None:
    field = avowal_command(*SIGN, "--field", *options, "unsigned.eml").stdout
    assert tag in field.replace(b"\r\n\t", b"").replace(b"; ", b";")


def test_what_others_should_not_have_to_read_is_signed_on_demand(avowal_command: Avowal) -> None:
    twice = b"Subject: other\r\n" + message()
    assert avowal_command(*SIGN, stdin=twice).returncode == 2
    assert avowal_command(*SIGN, "--accept-malformed", stdin=twice).returncode == 0


def test_sign_warns_of_lines_that_mtas_break(avowal_command: Avowal) -> None:
    ran = avowal_command(*SIGN, stdin=message(subject="x" * 1200))
    assert b"avowal: warning: a line is over 998 octets" in ran.stderr
    assert ran.returncode == 0


def test_a_key_that_others_can_read_is_taken_on_demand(
    avowal_command: Avowal, tmp_path: Path
) -> None:
    (tmp_path / "s1.pem").chmod(0o644)
    assert avowal_command(*SIGN, "unsigned.eml").returncode == 2
    assert avowal_command(*SIGN, "--any-key-mode", "unsigned.eml").returncode == 0


# --- key --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
def test_a_generated_key_signs_and_its_record_verifies(
    avowal_command: Avowal, tmp_path: Path, key_type: str
) -> None:
    ran = avowal_command("key", "generate", "-d", "new.example", "-s", "n1", "--type", key_type)
    (tmp_path / "new.zone").write_bytes(ran.stdout)
    assert stat.S_IMODE((tmp_path / "n1.pem").stat().st_mode) == 0o600
    names = ("-d", "new.example", "-s", "n1")
    signed = avowal_command("sign", *names, "-k", "n1.pem", "unsigned.eml").stdout
    verified = avowal_command("verify", "-", "--zone", "new.zone", stdin=signed)
    checked = avowal_command("key", "check", "n1.pem", *names, "--zone", "new.zone")
    assert (verified.returncode, checked.returncode) == (0, 0)


def test_the_printed_record_has_strings_of_at_most_255_octets(avowal_command: Avowal) -> None:
    text = avowal_command("key", "show", "s2.pem", "-d", "example.com", "-s", "s2").stdout.decode()
    strings = text.split('"')[1::2]
    assert max(map(len, strings)) == 255
    assert "".join(strings) == record_for(RSA_2048)


def test_a_key_may_be_kept_encrypted(avowal_command: Avowal, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "password").chmod(0o600)
    names = ("-d", "new.example", "-s", "n1")
    avowal_command("key", "generate", *names, "--password-file", "password")
    assert b"ENCRYPTED" in (tmp_path / "n1.pem").read_bytes()
    assert load_key(tmp_path / "n1.pem", password=b"open sesame").bits == 2048
    assert avowal_command("key", "show", "n1.pem").returncode == 2
    assert avowal_command("key", "show", "n1.pem", "--password-file", "password").returncode == 0


@pytest.mark.parametrize("text", ["", "\n", "\r\n", "\nsecond line\n"])
@pytest.mark.parametrize("action", ["generate", "show"])
def test_an_empty_password_is_refused_and_no_key_is_written(
    avowal_command: Avowal, tmp_path: Path, action: str, text: str
) -> None:
    (tmp_path / "password").write_text(text)
    (tmp_path / "password").chmod(0o600)
    words = ["-d", "new.example", "-s", "n1"] if action == "generate" else ["s2.pem"]
    done = avowal_command("key", action, *words, "--password-file", "password")
    assert done.returncode == 2
    assert b"empty: the password is its first line" in done.stderr
    assert not (tmp_path / "n1.pem").exists()


@pytest.mark.parametrize(
    ("records", "status", "said"),
    [
        pytest.param(record_for(ED25519), 0, "published", id="published"),
        pytest.param(["other text", record_for(ED25519)], 0, "several records", id="among-others"),
        pytest.param(record_for(ED25519, flags=["y"]), 0, "t=y", id="testing"),
        pytest.param(record_for(ED25519, flags=["s"]), 0, "t=s", id="no-subdomains"),
        pytest.param(record_for(RSA_1024), 1, "not of the type", id="another-type"),
        pytest.param("k=ed25519; p=" + "B" * 43 + "=", 1, "another public key", id="another-key"),
        pytest.param("v=DKIM1; k=ed25519; p=", 1, "revoked", id="revoked"),
        pytest.param("v=spf1 -all", 1, "not a key record", id="foreign"),
        pytest.param("k=ed25519; p=AAAA", 1, "p= holds no key", id="spoiled"),
        pytest.param(record_for(ED25519, services=["tlsrpt"]), 1, "service", id="other-service"),
        pytest.param("NXDOMAIN", 1, "no such name", id="absent"),
        pytest.param("TIMEOUT", 3, "timeout", id="no-answer"),
    ],
)
def test_check_compares_the_key_with_what_is_published(
    avowal_command: Avowal, tmp_path: Path, records: Any, status: int, said: str
) -> None:
    (tmp_path / "check.json").write_text(json.dumps({"s1._domainkey.example.com": records}))
    names = ("-d", "example.com", "-s", "s1", "--zone", "check.json")
    ran = avowal_command("key", "check", "s1.pem", *names)
    assert said in ran.stdout.decode()
    assert ran.returncode == status


# --- canon, lookup, demo ----------------------------------------------------------------------


def test_canon_shows_white_space_and_hashes_as_signed(avowal_command: Avowal) -> None:
    text = avowal_command("canon", "tampered.eml").stdout.decode()
    assert "subject:Lunch␍␊" in text
    assert "Shall·we·meet·at·noon" in text
    assert "NOT equal" in text
    assert ": equal" in avowal_command("canon", "signed.eml").stdout.decode()


def test_canon_shows_any_form(avowal_command: Avowal) -> None:
    octets = b"Subject:  a \t b\\\r\nFrom: x@y.example\r\n\r\n \xff\t \r\n\r\n\r\n"
    simple = avowal_command("canon", "-c", "simple/simple", stdin=octets).stdout.decode()
    assert "Subject:··a·→·b\\\\␍␊" in simple
    assert "·\\xff→·␍␊" in simple
    relaxed = avowal_command("canon", "-c", "relaxed", "--no-body", stdin=octets).stdout.decode()
    assert "subject:a·b\\\\␍␊" in relaxed
    assert "xff" not in relaxed


def test_canon_shows_both_bodies_of_two_forms(avowal_command: Avowal) -> None:
    forms = ("-s", "s2", "-k", "s2.pem")
    signed = avowal_command(*SIGN, "-c", "simple/simple", "unsigned.eml").stdout
    twice = avowal_command("sign", "-d", "example.com", *forms, stdin=signed).stdout
    text = avowal_command("canon", stdin=twice).stdout.decode()
    assert "# body, relaxed" in text
    assert "# body, simple" in text
    assert text.count(": equal") == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(
            ["s1._domainkey.example.com"], 0, "a key of type ed25519, 256 bits", id="name"
        ),
        pytest.param(["-s", "s2", "-d", "example.com"], 0, "type rsa, 2048 bits", id="selector"),
        pytest.param(["example.com"], 1, "no data", id="no-data"),
        pytest.param(["other.example", "mx"], 1, "other.example MX: no such name", id="no-name"),
    ],
)
def test_lookup_says_what_the_verifier_sees(
    avowal_command: Avowal, arguments: list[str], status: int, said: str
) -> None:
    ran = avowal_command("lookup", *arguments, *ZONE)
    assert said in ran.stdout.decode()
    assert ran.returncode == status


def test_lookup_speaks_json(avowal_command: Avowal) -> None:
    (found,) = objects(avowal_command("lookup", "-s", "s1", "-d", "example.com", *ZONE, "--json"))
    assert (found["outcome"], found["records"]) == ("found", [record_for(ED25519)])


def test_the_demo_passes_and_refuses(avowal_command: Avowal) -> None:
    ran = avowal_command("demo")
    words = [line.split()[1] for line in ran.stdout.decode().splitlines() if "=> " in line]
    assert words == ["pass:", "pass:", "fail:", "fail:", "permerror:"]
    assert ran.returncode == 0


def test_the_version_is_told(avowal_command: Avowal) -> None:
    assert avowal_command("--version").stdout.decode() == f"avowal {avowal.__version__}\n"


@pytest.mark.parametrize("part", ["body", "from", "subject", "date", "to"])
def test_tampering_is_noticed(avowal_command: Avowal, tmp_path: Path, part: str) -> None:
    signed = (tmp_path / "signed.eml").read_bytes()
    assert avowal_command("verify", "-", *ZONE, stdin=tamper(signed, part)).returncode == 1
