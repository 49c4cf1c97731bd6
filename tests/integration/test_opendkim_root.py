"""ChangeRootDirectory: socket, pid file and keys stand below the root, with both programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.milters import AVOWAL, OPENDKIM

from avowal.testing import RSA_2048

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the root")

_PATIENCE = 60.0
_CONF = """\
Mode s
Background no
ChangeRootDirectory @DIR@/root
Socket local:/run/socket
PidFile /run/pid
KeyTable file:@DIR@/keys
SigningTable file:@DIR@/signing
"""


@pytest.fixture
def site() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="milter-", dir="/srv"))  # /tmp is no place for keys
    directory.chmod(0o755)
    (directory / "root" / "run").mkdir(parents=True)
    (directory / "root" / "key.pem").write_bytes(RSA_2048.pem())
    (directory / "root" / "key.pem").chmod(0o600)
    (directory / "keys").write_text("k example.com:s1:/key.pem\n")
    (directory / "signing").write_text("example.com k\n")
    (directory / "conf").write_text(_CONF.replace("@DIR@", str(directory)))
    yield directory
    shutil.rmtree(directory)


def _until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(OPENDKIM, id="opendkim", marks=pytest.mark.needs("opendkim")),
        pytest.param(AVOWAL, id="avowal-opendkim"),
    ],
)
def test_socket_and_pid_file_stand_below_the_root(site: Path, program: Sequence[str]) -> None:
    process = subprocess.Popen([*program, "-x", str(site / "conf")])
    inside = site / "root" / "run"
    try:
        _until((inside / "socket").is_socket, "no socket below the root")
        _until((inside / "pid").exists, "no pid file below the root")
        root = Path(f"/proc/{process.pid}/root")  # changed behind them, before mail is served
        _until(lambda: root.readlink() == site / "root", "the root is not changed")
    finally:
        process.terminate()
        assert process.wait(_PATIENCE) == 0


def test_a_root_that_is_missing_fails_the_start_in_the_background(site: Path) -> None:
    (site / "conf").write_text(
        f"Mode v\nSocket inet:0@127.0.0.1\nChangeRootDirectory {site}/gone\n"
    )
    said = subprocess.run(
        [*AVOWAL, "-x", str(site / "conf")], capture_output=True, text=True, timeout=60, check=False
    )
    assert said.returncode != 0
    assert "privileges cannot be dropped: No such file or directory" in said.stderr
