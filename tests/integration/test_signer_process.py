"""`avowal keys signer` as a process: a store that names it signs, and it leaves no core."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mailloop import until

from avowal.keys.files import write_key
from avowal.testing import ED25519, message

NAME = "s1._domainkey.example.com"


def avowal(here: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "avowal", *arguments], cwd=here, capture_output=True, check=False
    )


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    write_key(tmp_path / "s1.pem", ED25519)
    (tmp_path / "m.eml").write_bytes(message())
    store = ("--store", f"{tmp_path}/held.db")
    assert avowal(tmp_path, "keys", "store", "create", *store).returncode == 0
    private = ("--private", f"file:{tmp_path}/s1.pem", "--state", "signing")
    named = ("-d", "example.com", "-s", "s1")
    assert avowal(tmp_path, "keys", "add", *named, *private, *store).returncode == 0
    command = ["keys", "signer", "--listen", f"{tmp_path}/s.sock", *store]
    with subprocess.Popen([sys.executable, "-m", "avowal", *command], cwd=tmp_path) as process:
        until((tmp_path / "s.sock").exists, what="the socket")
        yield process
        process.kill()


def test_a_store_that_names_a_signer_signs_by_it(
    signer: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    store = ("--store", f"{tmp_path}/names.db")
    avowal(tmp_path, "keys", "store", "create", *store)
    private = ("--private", f"signer:{tmp_path}/s.sock?key={NAME}", "--state", "signing")
    ran = avowal(tmp_path, "keys", "add", "-d", "example.com", "-s", "s1", *private, *store)
    assert ran.returncode == 0, ran.stderr
    ran = avowal(tmp_path, "sign", "--field", "-k", "store:example.com", *store, "m.eml")
    assert b"a=ed25519-sha256" in ran.stdout
    assert signer.poll() is None


def test_the_socket_is_its_owners_and_goes_with_the_process(
    signer: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert stat.S_IMODE((tmp_path / "s.sock").stat().st_mode) == 0o600
    signer.send_signal(signal.SIGTERM)
    assert signer.wait(60) == 0
    assert not (tmp_path / "s.sock").exists()


def test_no_other_process_of_its_user_looks_into_its_memory(
    signer: subprocess.Popen[bytes],
) -> None:
    assert Path(f"/proc/{signer.pid}/mem").stat().st_uid == 0
    limits = Path(f"/proc/{signer.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
