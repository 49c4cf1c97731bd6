"""``avowal show`` and ``avowal reputation``: what people and scripts see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import NOW, SIGNED, Avowal

ZONE = ("--zone", "zone.json", "--at", str(NOW))
TABLE = ("--database", "opinions.db")


@pytest.mark.parametrize(
    ("file", "advice", "status"),
    [
        pytest.param("signed.eml", "mark", 0, id="signed"),
        pytest.param("tampered.eml", "plain", 1, id="changed"),
        pytest.param("unsigned.eml", "plain", 1, id="unsigned"),
    ],
)
def test_show_says_what_to_show(
    avowal_command: Avowal, file: str, advice: str, status: int
) -> None:
    ran = avowal_command("show", file, *ZONE, "--json")
    assert (ran.returncode, json.loads(ran.stdout)["advice"]) == (status, advice)


def test_show_tells_a_person_who_signed_and_whether_it_fits(avowal_command: Avowal) -> None:
    text = avowal_command("show", "signed.eml", *ZONE).stdout.decode()
    for part in (
        "signed by  example.com",
        "the author's own domain answers for it",
        "and the whole body",
        "do         show the author's address with a mark",
    ):
        assert part in text


def test_an_opinion_that_is_set_is_shown_for_all_below_and_can_be_forgotten(
    avowal_command: Avowal,
) -> None:
    assert (
        avowal_command("reputation", "set", ".Example.com", "spam", "0.9", *TABLE).returncode == 0
    )
    below = avowal_command("reputation", "show", "news.example.com", *TABLE, "--json")
    assert json.loads(below.stdout)["rating"] == 0.9
    assert b".example.com" in avowal_command("reputation", "show", *TABLE).stdout
    assert avowal_command("reputation", "forget", ".example.com", *TABLE).returncode == 0
    assert avowal_command("reputation", "show", *TABLE).returncode == 1
    assert avowal_command("reputation", "forget", ".example.com", *TABLE).returncode == 1


def test_what_is_counted_is_the_share_for_whoever_validly_signed(
    avowal_command: Avowal, tmp_path: Path
) -> None:
    for name, copies in (("spam", 3), ("ham", 1)):
        (tmp_path / name).mkdir()
        for number in range(copies):
            (tmp_path / name / str(number)).write_bytes(SIGNED)
    (tmp_path / "spam" / "unsigned").write_bytes((tmp_path / "unsigned.eml").read_bytes())
    (tmp_path / "spam" / "forged").write_bytes((tmp_path / "tampered.eml").read_bytes())
    zone = ZONE[:2]
    ran = avowal_command("reputation", "count", "spam", *TABLE, *zone)
    assert ran.stdout == b"5 messages, 2 of them signed by nobody; 1 identity\n"
    assert avowal_command("reputation", "count", "ham", "--fails", *TABLE, *zone).returncode == 0
    (line,) = avowal_command("reputation", "show", *TABLE, "--json").stdout.splitlines()
    found = json.loads(line)
    assert (found["subject"], found["assertion"]) == ("example.com", "spam")
    assert (found["rating"], found["sample_size"]) == (0.75, 4)
    assert round(found["confidence"], 3) == round(4 / 14, 3)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("show", *TABLE), b"opinions.db", id="no-table-yet"),
        pytest.param(("set", "a.example", "spam", "2", *TABLE), b"0.0<=x<=1.0", id="no-share"),
        pytest.param(("show",), b"--database", id="no-database"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    avowal_command: Avowal, words: tuple[str, ...], why: bytes
) -> None:
    ran = avowal_command("reputation", *words)
    assert (ran.returncode, why in ran.stderr, ran.stderr.count(b"\n")) == (2, True, 1)


def test_why_shows_what_is_thought_of_who_may_have_signed(
    avowal_command: Avowal, tmp_path: Path
) -> None:
    avowal_command("reputation", "set", "example.com", "spam", "0.9", *TABLE)
    toml = f'mode = "verify"\n[reputation]\ndatabase = "{tmp_path}/opinions.db"\n'
    (tmp_path / "avowal.toml").write_text(toml)
    ran = avowal_command("why", "-c", "avowal.toml", "--client", "192.0.2.7", "signed.eml")
    assert b"if it verifies: opinions.db: example.com spam 0.900" in ran.stdout
    unsigned = avowal_command("why", "-c", "avowal.toml", "--client", "192.0.2.7", "unsigned.eml")
    assert b"if it verifies" not in unsigned.stdout
