"""The commands of the key store: what they keep, print, refuse and find."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import pytest

import avowal
from avowal.cli import commands, exits
from avowal.keys.archive import ArchivedKey, KeyArchive, KeySource
from avowal.keys.files import write_key
from avowal.testing import ED25519, RSA_2048, message, record_for

Run: TypeAlias = Callable[..., tuple[int, str, str]]
NAME = "s1._domainkey.example.com"


@pytest.fixture
def keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs `avowal keys …` on a store of its own, in a directory with a key and its zone."""
    monkeypatch.setenv("AVOWAL_KEY_STORE", str(tmp_path / "keys.db"))
    monkeypatch.chdir(tmp_path)
    write_key("s1.pem", ED25519)
    Path("zone.json").write_text(json.dumps({NAME: record_for(ED25519)}))
    Path("empty.json").write_text("{}")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = exits.run(lambda: commands.run(["keys", *arguments]))
        said = capsys.readouterr()
        return status, said.out, said.err

    assert run("store", "create")[0] == 0
    return run


def added(run: Run, *more: str, zone: str = "zone.json") -> tuple[int, str, str]:
    private = f"file:{Path.cwd()}/s1.pem"
    return run("add", "-d", "example.com", "-s", "s1", "--private", private, "--zone", zone, *more)


def states(run: Run) -> list[str]:
    return [
        str(json.loads(line)["state"]) for line in run("export-public", "--json")[1].splitlines()
    ]


def test_a_new_key_is_prepared_and_its_record_printed(keys: Run) -> None:
    status, out, _ = keys(
        "add", "-d", "example.com", "-s", "n1", "--type", "ed25519", "--key-directory", "p"
    )
    assert status == 0
    assert out.startswith("n1._domainkey.example.com. 3600 IN TXT")
    assert states(keys) == ["prepared"]
    assert (Path("p") / "example.com.n1.pem").stat().st_mode & 0o777 == 0o600


def test_a_new_key_is_encrypted_where_a_passphrase_is_given(keys: Run) -> None:
    Path("pass").write_text("correct horse\n")
    Path("pass").chmod(0o600)
    status, _, _ = keys(
        "add", "-d", "example.com", "-s", "n1", "--type", "ed25519", "--key-directory", "p",
        "--passphrase-file", "pass",
    )  # fmt: skip
    assert status == 0
    assert b"ENCRYPTED PRIVATE KEY" in (Path("p") / "example.com.n1.pem").read_bytes()


def test_a_key_that_dns_shows_comes_in_as_signing(keys: Run) -> None:
    assert added(keys)[0] == 0
    assert states(keys) == ["signing"]


def test_a_key_that_dns_does_not_show_is_prepared(keys: Run) -> None:
    _, _, err = added(keys, zone="empty.json")
    assert "signs nothing" in err
    assert states(keys) == ["prepared"]


def test_a_name_that_is_taken_is_refused_before_a_file_is_made(keys: Run) -> None:
    added(keys)
    status, _, err = keys("add", "-d", "example.com", "-s", "s1", "--key-directory", "p")
    assert status == 2
    assert "take another selector" in err
    assert not Path("p").exists()


def test_nobody_says_of_a_new_key_that_it_signs(keys: Run) -> None:
    status, _, err = keys("add", "-d", "example.com", "-s", "n1", "--state", "signing")
    assert (status, "nobody has seen" in err) == (2, True)


def test_a_key_table_is_imported_and_its_files_stay(keys: Run) -> None:
    write_key("s2.pem", RSA_2048)
    Path("KeyTable").write_text(
        "a example.com:s1:./s1.pem\nb example.net:s2:" + str(Path.cwd() / "s2.pem") + "\n"
    )
    status, out, err = keys("import", "KeyTable", "--zone", "zone.json")
    assert (status, "s2" in err) == (0, True)
    assert f"{NAME}: ed25519-sha256, signing, file:{Path.cwd()}/s1.pem" in out
    assert "s2._domainkey.example.net: rsa-sha256, prepared" in out


def test_a_key_alone_needs_its_names(keys: Run) -> None:
    assert "give --domain and --selector" in keys("import", "s1.pem")[2]
    named = ("-d", "example.com", "-s", "s1", "--zone", "zone.json")
    assert keys("import", "s1.pem", *named)[0] == 0


def test_only_what_ought_to_be_published_is_exported(keys: Run) -> None:
    keys("add", "-d", "example.com", "-s", "n1", "--type", "ed25519", "--key-directory", "p")
    assert keys("export-public")[1] == ""
    added(keys)
    assert keys("export-public")[1].startswith(f"{NAME}. 3600 IN TXT")


def test_every_change_is_in_the_audit_log_with_its_author(keys: Run) -> None:
    added(keys)
    (line,) = keys("audit", "show")[1].splitlines()
    assert f" add {NAME} " in line
    assert "@" in line.split()[2]


def test_the_log_is_verified_in_the_store_and_as_it_was_exported(keys: Run) -> None:
    added(keys)
    Path("log").write_text(keys("audit", "export")[1])
    head = keys("audit", "head")[1].strip()
    for arguments in ((), ("log",), ("--head", head)):
        status, out, _ = keys("audit", "verify", *arguments)
        assert (status, out) == (0, f"whole: 1 entries, head {head}\n")


def test_the_first_entry_that_was_tampered_with_is_named(keys: Run, tmp_path: Path) -> None:
    added(keys)
    keys("add", "-d", "example.net", "-s", "n", "--type", "ed25519", "--key-directory", "p")
    with closing(sqlite3.connect(tmp_path / "keys.db")) as thief, thief:
        thief.execute("DROP TRIGGER audit_log_no_UPDATE")
        thief.execute("UPDATE audit_log SET who = 'somebody' WHERE number = 2")
    status, out, _ = keys("audit", "verify")
    assert (status, out.split(":")[0]) == (1, "entry 2")


def test_a_head_that_was_kept_outside_finds_a_log_that_was_cut(keys: Run) -> None:
    added(keys)
    status, out, _ = keys("audit", "verify", "--head", f"2:{'0' * 64}")
    assert (status, "missing" in out) == (1, True)


@pytest.mark.parametrize(
    "text", ["", "[]\n", "{}\n", '{"detail": {}, "number": "1"}\n', "[" * 9999]
)
def test_a_file_that_is_no_log_is_named_with_its_line(keys: Run, text: str) -> None:
    Path("log").write_text(text)
    status, out, err = keys("audit", "verify", "log")
    assert (status, "log:1" in err or out.startswith("whole: 0")) == (2 if text else 0, True)


def test_the_archive_keeps_what_dns_shows_of_any_key(keys: Run) -> None:
    assert keys("archive", "see", "example.com", "-s", "s1", "--zone", "zone.json")[0] == 0
    (line,) = keys("archive", "list")[1].splitlines()
    assert f"dns insecure {NAME}" in line
    assert keys("archive", "see", "example.com", "-s", "x", "--zone", "zone.json")[0] == 1


def test_old_mail_verifies_by_the_archive_of_the_store(
    keys: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    archived = ArchivedKey(
        domain="example.com", selector="s1", record=record_for(ED25519), source=KeySource.DNS
    )
    KeyArchive([archived]).save("old.jsonl")
    assert keys("archive", "import", "old.jsonl")[0] == 0
    assert keys("archive", "export", "new.jsonl")[0] == 0
    assert list(KeyArchive.load("new.jsonl")) == [archived]
    signed = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519) + message()
    Path("m.eml").write_bytes(signed)
    store = f"store:{Path.cwd()}/keys.db"
    assert exits.run(lambda: commands.run(["verify", "--keys-from", store, "m.eml"])) == 0
    assert "pass" in capsys.readouterr().out


def test_a_backup_is_restored_to_another_kind_of_store(keys: Run) -> None:
    added(keys)
    assert keys("backup", "b")[0] == 0
    there = f"directory:{Path.cwd()}/d"
    assert keys("restore", "b", "--store", there)[0] == 0
    assert f"{NAME}  ed25519-sha256  signing" in keys("store", "show", "--store", there)[1]


def test_a_store_goes_to_an_earlier_schema_and_back(keys: Run) -> None:
    added(keys)
    assert "schema 1, was 2" in keys("store", "migrate", "--to", "1")[1]
    assert "run avowal keys store migrate" in keys("store", "show")[2]
    assert "schema 2, was 1" in keys("store", "migrate")[1]


def test_pruning_says_what_was_forgotten(keys: Run) -> None:
    assert keys("store", "prune")[1] == "forgotten: 0 sights, 0 shares, 0 uses\n"


def test_a_password_of_a_store_is_not_shown(keys: Run) -> None:
    store = "postgresql://u:secret@127.0.0.1:1/d"
    status, out, err = keys("store", "create", "--store", store)
    assert (status, "secret" in out + err) == (3, False)  # nobody answers there
