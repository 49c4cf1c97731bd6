"""Memory of the command does not grow with the message: signed, verified, canonicalized."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import avowal
from avowal.keys.files import write_key
from avowal.testing import ED25519, message, record_for

LINE = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/==\r\n"
ALLOWANCE = 8 << 10  # KiB above a small message; performance target 4
SMALL, LARGE = 1, 60  # MB; what is constant from 1 to 60 is constant to 150 as well


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("large")
    write_key(path / "s1.pem", ED25519)
    (path / "zone.json").write_text(json.dumps({"s1._domainkey.example.com": record_for(ED25519)}))
    for size in (SMALL, LARGE):
        octets = message(body=LINE * (size * 1_000_000 // len(LINE)))
        field = avowal.sign(octets, domain="example.com", selector="s1", key=ED25519)
        (path / f"{size}.eml").write_bytes(field + octets)
        (path / f"{size}.mbox").write_bytes(
            (b"From a@example.com Tue Nov 24 12:00:00 2026\n" + field + octets).replace(
                b"\r\n", b"\n"
            )
        )
    yield path
    for file in path.iterdir():
        file.unlink()


def peak(folder: Path, arguments: list[str], standard_input: Path | None) -> int:
    """Run the command and return its largest resident set in KiB."""
    code = "import sys; from avowal.cli import main; main()"
    with (standard_input or Path(os.devnull)).open("rb") as stdin:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
@pytest.mark.parametrize(
    ("arguments", "standard_input"),
    [
        pytest.param(["verify", "{}.eml", "--zone", "zone.json"], None, id="verify"),
        pytest.param(["verify", "{}.mbox", "--zone", "zone.json"], None, id="verify-mbox"),
        pytest.param(["verify", "-", "--zone", "zone.json"], "{}.eml", id="verify-stdin"),
        pytest.param(
            ["sign", "-d", "example.com", "-s", "s1", "-k", "s1.pem", "{}.eml"], None, id="sign"
        ),
        pytest.param(["canon", "--no-body", "{}.eml"], None, id="canon"),
    ],
)
def test_memory_is_constant_in_the_size_of_the_message(
    folder: Path, arguments: list[str], standard_input: str | None
) -> None:
    small, large = (
        peak(
            folder,
            [argument.format(size) for argument in arguments],
            None if standard_input is None else folder / standard_input.format(size),
        )
        for size in (SMALL, LARGE)
    )
    assert large - small < ALLOWANCE
