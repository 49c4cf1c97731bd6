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


def ran(folder: Path, name: str, *, terminal: bool) -> tuple[bytes, bytes]:
    """What goes to stdout (a pipe) and to stderr (a terminal or a pipe)."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "avowal", "verify", name, "--zone", "zone.json"],
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
    assert re.search(rb"[0-9] (?:[kMGT]B|bytes)/s", said)  # the unit is the speed of the machine
    assert output == b"large.eml\n  pass       d=example.com s=s1 a=ed25519-sha256\n"


@pytest.mark.parametrize(("name", "terminal"), [("large.eml", False), ("small.eml", True)])
def test_small_work_and_pipes_show_none(folder: Path, name: str, terminal: bool) -> None:
    _, said = ran(folder, name, terminal=terminal)
    assert said == b""
