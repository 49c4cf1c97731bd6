"""The progress bar: on a terminal, for work that lasts, and never in the output."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import avowal
from avowal.testing import ED25519, message, record_for

pty = pytest.importorskip("pty", reason="no pseudo-terminals here")

LINE = b"x" * 98 + b"\r\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    octets = message(body=LINE * 350_000)
    field = avowal.sign(octets, domain="example.com", selector="s1", key=ED25519)
    (tmp_path / "large.eml").write_bytes(field + octets)
    (tmp_path / "small.eml").write_bytes(message())
    (tmp_path / "zone.json").write_text(
        json.dumps({"s1._domainkey.example.com": record_for(ED25519)})
    )
    return tmp_path


COMMAND = ("-m", "avowal")
IMPATIENT = (
    "-c", "from avowal.cli import main, progress; progress._PATIENCE = 0; main()",
)  # fmt: skip
RATE = re.compile(rb"[0-9] (?:[kMGT]B|bytes)/s")  # the unit is the speed of the machine


def ran(
    folder: Path, name: str, *, terminal: bool, command: tuple[str, ...] = COMMAND
) -> tuple[bytes, bytes]:
    """What goes to stdout (a pipe) and to stderr (a terminal or a pipe)."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        [sys.executable, *command, "verify", name, "--zone", "zone.json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm"},
    ) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how a terminal on Linux ends
                break
            if not piece:
                break
            said += piece
        output, _ = process.communicate(timeout=60)
    os.close(ours)
    return output, said


def test_large_work_shows_a_bar_on_a_terminal(folder: Path) -> None:
    output, said = ran(folder, "large.eml", terminal=True)
    assert RATE.search(said)
    assert output == b"large.eml\n  pass       d=example.com s=s1 a=ed25519-sha256\n"


@pytest.mark.parametrize(("name", "terminal"), [("large.eml", False), ("small.eml", True)])
def test_small_work_and_pipes_show_none(folder: Path, name: str, terminal: bool) -> None:
    _, said = ran(folder, name, terminal=terminal)
    assert said == b""


def test_many_small_files_show_a_bar(folder: Path) -> None:
    (folder / "many").mkdir()
    for number in range(1000):
        (folder / "many" / f"{number}.eml").write_bytes(b"From: a@example.com\r\n\r\n")
    _, said = ran(folder, "many", terminal=True)
    assert b"/s" in said


def test_small_work_that_lasts_shows_a_bar(folder: Path) -> None:
    folder.joinpath("mbox").write_bytes(b"From \nFrom: a@example.com\n\n" * 300)
    _, said = ran(folder, "mbox", terminal=True, command=IMPATIENT)
    assert b"bytes" in said or b"kB" in said
