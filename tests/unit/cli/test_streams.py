"""What goes out of a command, whatever its streams are: encodings, colours, gone readers."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ZONE = ("--zone", "zone.json")
SIGN = ("sign", "-d", "example.com", "-s", "s1", "-k", "s1.pem", "unsigned.eml")
SEAL = ("arc", "seal", *SIGN[1:], *ZONE)
ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b2J\r\u202e"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "avowal", *arguments]


# --- encodings -----------------------------------------------------------------------------------

ENCODINGS = ["ascii", "latin-1", "cp1252", "utf-8"]
SPOKEN = [
    pytest.param(("verify", "tampered.eml", *ZONE), id="verify"),  # its sections have a §
    pytest.param(("lookup", "x.example", *ZONE), id="lookup"),
    pytest.param(("demo",), id="demo"),
    pytest.param(("policy", "check", "example.com", *ZONE), id="policy-check"),
    pytest.param(("verify", "né.eml", *ZONE), id="complaint"),
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", SPOKEN)
def test_an_output_that_is_no_utf_8_gets_escapes(
    avowal_command: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...], encoding: str
) -> None:
    records = json.loads((tmp_path / "zone.json").read_text()) | {"x.example": ["café ☕"]}
    (tmp_path / "zone.json").write_text(json.dumps(records))
    plain = {key: value for key, value in os.environ.items() if "COLOR" not in key}
    ran = subprocess.run(
        command(*arguments), cwd=tmp_path, capture_output=True, check=False,
        env=plain | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert b"Traceback" not in ran.stderr
    assert ran.returncode in {0, 1, 2}
    (ran.stdout + ran.stderr).decode(encoding)


# --- colours -------------------------------------------------------------------------------------


def on_a_terminal(place: Path, arguments: tuple[str, ...], **environment: str) -> bytes:
    """What a command writes to a terminal."""
    leader, follower = pty.openpty()
    plain = {k: v for k, v in os.environ.items() if "COLOR" not in k and k != "TERM"}
    with subprocess.Popen(
        command(*arguments), cwd=place, stdout=follower, stderr=follower, stdin=subprocess.DEVNULL,
        env={**plain, **environment},
    ) as process:  # fmt: skip
        os.close(follower)
        said = b""
        try:
            while chunk := os.read(leader, 4096):
                said += chunk
        except OSError:  # the other end has closed
            pass
        process.wait(60)
    os.close(leader)
    return said


@pytest.mark.parametrize("arguments", [("verify", "signed.eml", *ZONE), ("demo",)])
def test_a_terminal_gets_colours(
    avowal_command: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert b"\x1b[" in on_a_terminal(tmp_path, arguments, TERM="xterm")


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"TERM": "xterm", "NO_COLOR": "1"}, id="no-color"),
        pytest.param({"TERM": "dumb"}, id="a-dumb-terminal"),
        pytest.param({}, id="a-terminal-without-a-name"),
    ],
)
@pytest.mark.parametrize("arguments", [("verify", "signed.eml", *ZONE), ("demo",), ("--help",)])
def test_who_wants_no_colours_gets_none(
    avowal_command: Callable[..., Any],
    tmp_path: Path,
    arguments: tuple[str, ...],
    environment: dict[str, str],
) -> None:
    assert b"\x1b" not in on_a_terminal(tmp_path, arguments, **environment)


def test_an_empty_no_color_says_nothing(avowal_command: Callable[..., Any], tmp_path: Path) -> None:
    said = on_a_terminal(tmp_path, ("demo",), TERM="xterm", NO_COLOR="")
    assert b"\x1b[" in said


# --- readers that have gone ----------------------------------------------------------------------

EVERY = [
    pytest.param(arguments, id=" ".join(arguments[:2]))
    for arguments in (
        ("--help",), ("--version",), ("key", "--help"), ("demo",), ("canon", "signed.eml"),
        ("verify", "signed.eml", *ZONE), ("verify", "nothing", *ZONE),
        ("lookup", "s1._domainkey.example.com", *ZONE), SIGN, SEAL,
        ("config", "show", "--defaults"),
        ("policy", "check", "example.com", *ZONE), ("bogus",),
    )
]  # fmt: skip


@pytest.mark.parametrize("arguments", EVERY)
def test_a_reader_of_both_streams_that_has_gone_is_141(
    avowal_command: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ran = subprocess.run(
            command(*arguments), cwd=tmp_path, stdout=pipe, stderr=pipe, check=False
        )
    assert ran.returncode == 141


@pytest.mark.parametrize("arguments", EVERY)
def test_a_reader_of_the_output_that_has_gone_is_141(
    avowal_command: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    if arguments[0] == "bogus" or "nothing" in arguments:
        pytest.skip("writes nothing to its output")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ran = subprocess.run(
            command(*arguments), cwd=tmp_path, stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert ran.returncode == 141
    assert ran.stderr.decode().splitlines()[-1] == "avowal: the output was closed before its end"


@pytest.mark.parametrize("arguments", [SIGN, SEAL], ids=["sign", "arc-seal"])
def test_a_message_is_not_lost_in_a_closed_output(
    avowal_command: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    line = " ".join(f"'{word}'" for word in command(*arguments))
    ran = subprocess.run(f"{line} >&-", shell=True, cwd=tmp_path, capture_output=True, check=False)
    assert ran.stderr == b"avowal: standard output is closed: there is nowhere to write to\n"
    assert ran.returncode == 2


# --- what strangers write ------------------------------------------------------------------------

HOSTILE = (
    f"DKIM-Signature: v=1; a={ESCAPE}; d=example.com; s={ESCAPE}; h=from:{ESCAPE}; bh=AA==; b=\n"
    f"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=x; h=from; z={ESCAPE}; bh=AA==; b=AA==\n"
    f"DKIM-Signature: {ESCAPE}\n"
    f"Authentication-Results: example.com; spf=pass smtp.mailfrom=<{ESCAPE}\n"
    f"ARC-Seal: i=1; {ESCAPE}\nARC-Message-Signature: i=1; d={ESCAPE}\n"
    f"ARC-Authentication-Results: i=1; {ESCAPE}; spf=pass\n"
    f"From: {ESCAPE} <a@example.com{ESCAPE}>\nSubject: {ESCAPE}\n{ESCAPE}\n\n{ESCAPE}\n"
)
LOOKING = [
    pytest.param(arguments, id=" ".join(arguments[:2]))
    for arguments in (
        ("verify", "hostile.eml", *ZONE), ("canon", "hostile.eml"),
        ("canon", "hostile.eml", "-c", "relaxed/relaxed"),
        ("arc", "verify", "hostile.eml", *ZONE), ("policy", "evaluate", "hostile.eml", *ZONE),
        ("policy", "show", "example.com", *ZONE), ("policy", "check", "example.com", *ZONE),
        ("lookup", "example.com", *ZONE), ("lookup", "x._domainkey.example.com", *ZONE),
        ("key", "check", "s1.pem", "-d", "example.com", "-s", "x", *ZONE),
        ("list", "advise", "hostile.eml", *ZONE), ("verify", f"{ESCAPE}.eml", *ZONE),
        ("lookup", ESCAPE, *ZONE), ("verify", "--zone", "hostile.eml", "hostile.eml"),
        ("policy", "evaluate", "hostile.eml", "--trace", *ZONE),
    )
]  # fmt: skip


@pytest.mark.parametrize("arguments", LOOKING)
def test_no_escape_of_a_stranger_reaches_the_terminal(
    avowal_command: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    records = {
        "example.com": [f"v=spf1 {ESCAPE} -all", ESCAPE],
        "_dmarc.example.com": [f"v=DMARC1; p={ESCAPE}; rua={ESCAPE}"],
        "x._domainkey.example.com": [f"v=DKIM1; k={ESCAPE}; n={ESCAPE}; p={ESCAPE}"],
    }
    (tmp_path / "zone.json").write_text(json.dumps(records))
    (tmp_path / "hostile.eml").write_text(HOSTILE, encoding="utf-8", newline="")
    ran = avowal_command(*arguments)
    assert b"Traceback" not in ran.stderr
    shown = (ran.stdout + ran.stderr).decode()
    assert shown
    assert [c for c in shown if not c.isprintable() and c != "\n"] == []


# --- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["key", "policy", "arc", "list", "config"])
@pytest.mark.parametrize("columns", ["40", "80"])
def test_help_is_not_cut(
    avowal_command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, group: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    listed = avowal_command(group, "--help").stdout.decode().partition("Commands:")[2]
    assert listed
    assert "..." not in listed
