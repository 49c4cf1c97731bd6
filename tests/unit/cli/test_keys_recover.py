"""`avowal keys recover`, and `avowal verify --keys-from` and `--table` over what it found."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.crafting import SIGNED_AT, craft

from avowal.cli import commands, exits
from avowal.crypto.signing import PrivateKey
from avowal.keys.archive import ArchivedKey, KeyArchive, KeySource
from avowal.testing import message, record_for, tamper


@cache
def key() -> PrivateKey:
    """A key with the exponent 3, which is found in no time and without gmpy2."""
    return PrivateKey(rsa.generate_private_key(public_exponent=3, key_size=1024))


def run(arguments: list[str]) -> int:
    return exits.run(lambda: commands.run(arguments))


LIST = {"list_id": "Talk <talk.example.org>"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    at = tmp_path / "mail"
    at.mkdir()
    for number in range(4):
        mail = message(subject=f"number {number}", **(LIST if number % 2 else {}))
        (at / f"{number}.eml").write_bytes(craft(mail, key()))
    (at / "9.eml").write_bytes(tamper(craft(message(subject="nine"), key())))
    return at


def _archive(tmp_path: Path, source: KeySource) -> str:
    path = str(tmp_path / "keys.jsonl")
    record = record_for(key())
    KeyArchive(
        [ArchivedKey(domain="example.com", selector="s1", record=record, source=source)]
    ).save(path)
    return path


def recovered(folder: Path, *more: str) -> tuple[int, str]:
    path = str(folder.parent / "keys.jsonl")
    return run(["keys", "recover", str(folder), "-o", path, "--jobs", "1", *more]), path


def test_the_key_is_found_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, path = recovered(folder)
    assert status == 0
    assert [one.record for one in KeyArchive.load(path)] == [record_for(key())]
    assert "example.com s1: 1024 bits, verifies 4 of 4 messages" in capsys.readouterr().out


def test_the_archive_says_when_it_signed(folder: Path) -> None:
    _, path = recovered(folder)
    (found,) = KeyArchive.load(path)
    assert (found.first, found.last, found.messages) == (SIGNED_AT, SIGNED_AT, 4)


def test_a_key_of_the_archive_is_known_already(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recovered(folder)
    capsys.readouterr()
    recovered(folder)
    assert "known already" in capsys.readouterr().out


def test_one_message_is_too_few(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2, 3):
        (folder / f"{number}.eml").unlink()
    status, _ = recovered(folder)
    assert status == 1
    assert "one message: two are needed" in capsys.readouterr().out


def test_only_the_selector_that_was_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = recovered(folder, "--domain", "other.example")
    said = "avowal: no RSA signature that is looked for stands over the body that was signed\n"
    assert (status, *capsys.readouterr()) == (1, "", said)


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recovered(folder, "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["domain"], found["keys"][0]["bits"]) == ("example.com", 1024)


def test_an_archive_that_is_none_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder.parent / "keys.jsonl").write_text("something else\n")
    status, path = recovered(folder)
    assert status == 2
    assert f"{path}:1" in capsys.readouterr().err


def test_an_archive_that_cannot_be_written_is_named_before_mail_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(folder / "not" / "there")
    assert run(["keys", "recover", str(folder), "-o", path]) == 2
    assert f"--output {path}: it cannot be written" in capsys.readouterr().err


def test_a_recovered_key_lets_nothing_pass(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = _archive(tmp_path, KeySource.RECOVERED)
    assert run(["verify", str(folder / "0.eml"), "--keys-from", archive, "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert (result["result"], result["reason"]) == ("policy", "key-recovered")


@pytest.mark.parametrize("profile", ["default", "archive"])
def test_no_profile_lets_it_pass(folder: Path, tmp_path: Path, profile: str) -> None:
    archive = _archive(tmp_path, KeySource.RECOVERED)
    mail = str(folder / "0.eml")
    assert run(["verify", mail, "--keys-from", archive, "--profile", profile]) == 1


def test_a_key_that_dns_showed_does(folder: Path, tmp_path: Path) -> None:
    archive = _archive(tmp_path, KeySource.DNS)
    assert run(["verify", str(folder / "0.eml"), "--keys-from", archive]) == 0


def test_a_changed_body_is_told_from_a_recovered_key(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = _archive(tmp_path, KeySource.RECOVERED)
    run(["verify", str(folder / "9.eml"), "--keys-from", archive, "--json"])
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["reason"] == "body-hash"


def test_the_table_counts_by_list_and_year(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = _archive(tmp_path, KeySource.RECOVERED)
    run(["verify", str(folder), "--keys-from", archive, "--table", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [(row["list"], row["messages"], row["recovered"], row["body"]) for row in rows]
    assert counted == [("(no list)", 3, 2, 1), ("talk.example.org", 2, 2, 0)]


def test_lists_beyond_the_limit_are_counted_together(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.cli.verification_table._MOST_LISTS", 0)
    run(["verify", str(folder), "--zone", _no_zone(folder), "--table", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["list"] for row in rows] == ["(no list)", "(other lists)"]


def _no_zone(folder: Path) -> str:
    path = folder.parent / "zone.json"
    path.write_text("{}")
    return str(path)


def test_what_is_not_looked_at_is_counted(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.cli.key_recovery._KEPT", 2)
    recovered(folder)
    assert "verifies 2 of 2 messages (4 in all)" in capsys.readouterr().out


def test_keys_from_excludes_other_ways(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["verify", str(folder), "--keys-from", "x", "--zone", "y"])
    assert status == 2
    assert "--keys-from" in capsys.readouterr().err
