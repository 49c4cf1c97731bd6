"""avowal-opendkim as a process: background, pid file, user, sockets, signals, exit statuses."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.milters import AVOWAL

from avowal.testing import RSA_2048

_CONF = "Mode sv\nDomain example.com\nSelector s1\nKeyFile key.pem\nRequireSafeKeys no\n"
_PATIENCE = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "key.pem").write_bytes(RSA_2048.pem())
    yield tmp_path
    pid = tmp_path / "pid"
    if pid.exists():
        os.kill(int(pid.read_text()), signal.SIGKILL)


def _start(home: Path, conf: str, *arguments: str) -> subprocess.Popen[bytes]:
    (home / "conf").write_text(_CONF + conf)
    with (home / "said").open("wb") as said:
        return subprocess.Popen([*AVOWAL, "-x", "conf", *arguments], cwd=home, stderr=said)


def _until(done: str, path: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while path.exists() is (done == "gone"):
        assert time.monotonic() < until, f"{path.name} is not {done}"
        time.sleep(0.02)


def _answers(home: Path) -> bool:
    """Whether the milter negotiates (the first octets of its answer to OPTNEG)."""
    with _connected(str(home / "socket")) as link:
        link.settimeout(_PATIENCE)
        link.sendall(b"\0\0\0\x0dO\0\0\0\x06\0\0\1\xff\0\x1f\xff\xff")
        return link.recv(5)[4:] == b"O"


def _connected(path: str) -> socket.socket:
    """Connect as soon as somebody listens: the name is there a moment before."""
    until = time.monotonic() + _PATIENCE
    while True:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(path)
        except OSError:
            link.close()
            assert time.monotonic() < until, "nobody listens"
            time.sleep(0.02)
        else:
            return link


@pytest.mark.parametrize(
    ("conf", "arguments"),
    [
        pytest.param("", (), id="by default"),
        pytest.param("Background Yes\n", (), id="Background Yes"),
    ],
)
def test_it_goes_to_the_background_once_it_serves(
    home: Path, conf: str, arguments: tuple[str, ...]
) -> None:
    parent = _start(home, f"{conf}UMask 007\nPidFile pid\n", "-p", "local:socket", *arguments)
    assert parent.wait(_PATIENCE) == 0
    pid = int((home / "pid").read_text())  # there already, for whoever started it
    assert _answers(home)
    assert pid != parent.pid
    assert (home / "pid").stat().st_mode & 0o777 == 0o644
    os.kill(pid, signal.SIGTERM)
    _until("gone", home / "pid")
    _until("gone", home / "socket")  # its end may come after that of the file


@pytest.mark.parametrize(
    ("conf", "arguments"),
    [
        pytest.param("Background No\n", (), id="Background No"),
        pytest.param("Background Yes\n", ("-f",), id="-f"),
    ],
)
@pytest.mark.parametrize("spec", ["local:socket", "unix:./socket", "socket"])
def test_it_stays_in_the_foreground_and_ends_cleanly(
    home: Path, conf: str, arguments: tuple[str, ...], spec: str
) -> None:
    process = _start(home, f"{conf}Socket local:elsewhere\n", "-p", spec, *arguments)
    assert _answers(home)
    assert not (home / "elsewhere").exists()
    process.terminate()
    assert process.wait(_PATIENCE) == 0
    assert not (home / "socket").exists()


def test_in_the_foreground_without_syslog_it_logs_to_the_terminal(home: Path) -> None:
    process = _start(home, "", "-p", "local:socket", "-f")
    assert _answers(home)
    process.terminate()
    assert process.wait(_PATIENCE) == 0
    assert "starting (args: " in (home / "said").read_text()


def test_asked_to_end_while_it_starts_it_leaves_nothing(home: Path) -> None:
    process = _start(home, "Background No\n", "-p", "local:socket")
    _connected(str(home / "socket")).close()
    process.terminate()
    assert process.wait(_PATIENCE) == 0
    assert not (home / "socket").exists()


@pytest.mark.parametrize(
    ("conf", "status", "words"),
    [
        pytest.param("KeyFile none.pem\n", 78, b"none.pem: No such file", id="no key"),
        pytest.param(
            "Socket foo:bar\n", 78, b"conf:7: Socket: 'foo:bar' is no socket", id="no socket"
        ),
        pytest.param("Socket local:none/socket\n", 69, b"conf:7: Socket: unix:", id="no place"),
        pytest.param("Nonsense yes\n", 78, b"Nonsense: unrecognized", id="no option"),
    ],
)
def test_what_stops_it_is_said_before_it_goes_to_the_background(
    home: Path, conf: str, status: int, words: bytes
) -> None:
    process = _start(home, f"Socket local:socket\n{conf}")
    assert process.wait(_PATIENCE) == status
    assert words in (home / "said").read_bytes()
    assert not (home / "socket").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_it_becomes_another_user_and_the_socket_is_theirs(home: Path) -> None:
    conf = "Background No\nUserID nobody\nUMask 007\nPidFile pid\n"
    process = _start(home, conf, "-p", "local:socket")
    try:
        _until("there", home / "pid")
        assert _answers(home)
        nobody = pwd.getpwnam("nobody").pw_uid
        status = (home / "socket").stat()
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (nobody, 0o770)
        assert Path(f"/proc/{process.pid}").stat().st_uid == nobody
    finally:
        process.terminate()
        assert process.wait(_PATIENCE) == 0
        (home / "pid").unlink(missing_ok=True)
