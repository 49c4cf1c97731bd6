"""avowal preflight: which treatments a signature does not survive, before the mail is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import avowal
from avowal.cli import commands, exits
from avowal.cli.exits import ExitStatus
from avowal.testing import RSA_2048, message


def main(arguments: list[str]) -> int:
    return exits.run(lambda: commands.run(arguments))


@pytest.fixture
def draft(tmp_path: Path) -> str:
    octets = message("Hello\r\n", content_transfer_encoding="7bit")
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048)
    path = tmp_path / "draft.eml"
    path.write_bytes(field + octets)
    return str(path)


def test_what_a_list_breaks_is_told_with_what_to_do(
    draft: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preflight", "--through", "mailman2", draft]) == ExitStatus.NOT_PASSED
    shown = capsys.readouterr().out
    assert "breaks  tag: puts a tag into the Subject: Subject" in shown
    assert "breaks  footer: adds lines at the end of a plain text: the body" in shown
    assert "before sending:" in shown


def test_a_message_that_survives_has_status_0(
    draft: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["preflight", "--through", "mailbox", draft]) == ExitStatus.PASSED
    assert "breaks" not in capsys.readouterr().out


def test_json_has_every_treatment(draft: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["preflight", "--json", draft])
    (line,) = capsys.readouterr().out.splitlines()
    found = {one["name"]: one for one in json.loads(line)["treatments"]}
    assert found["tag"]["fields"] == ["subject"]
    assert found["to-base64"]["body"] is True


def test_an_unknown_system_is_named(draft: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preflight", "--through", "mailman9", draft]) == ExitStatus.UNUSABLE
    assert "'mailman9' is none of mailman2" in capsys.readouterr().err


def test_an_unsigned_message_cannot_be_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.eml"
    path.write_bytes(message())
    assert main(["preflight", str(path)]) == ExitStatus.NOT_PASSED
    said = f"avowal: {path}: no signature that can be read: sign it first\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("command", [["preflight"], ["arc", "verify"], ["check"], ["explain"]])
def test_octets_that_are_no_message_are_named_with_what_to_do(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"Dear all,\nhere are my notes.\n")
    assert main([*command, str(path)]) == ExitStatus.UNUSABLE
    said = capsys.readouterr().err
    assert f"avowal: {path}: not a message: its first lines are no header fields" in said
    assert "save the message with its header" in said


def test_a_header_beyond_the_limits_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "huge.eml"
    path.write_bytes(b"X: y\r\n" * 5001 + message())
    assert main(["preflight", str(path)]) == ExitStatus.UNUSABLE
    assert "5008 fields is beyond limits.header_fields" in capsys.readouterr().err


def test_a_signature_that_is_folded_anew_breaks_itself_in_the_simple_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    octets = message()
    field = avowal.sign(
        octets, domain="example.com", selector="s1", key=RSA_2048, header_canon="simple"
    )
    path = tmp_path / "simple.eml"
    path.write_bytes(field + octets)
    main(["preflight", "--json", "--through", "proxy", str(path)])
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["treatments"]}
    assert found["respace-folds"]["fields"] == ["dkim-signature"]
