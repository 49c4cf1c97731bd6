"""``avowal serve``: what it starts on, what keeps it from starting, and its end by a signal."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="starlette is not installed (extra: serve)")
pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra: serve)")

from tests.crafting import craft

from avowal.cli import commands, exits
from avowal.testing import ED25519, message, record_for

TOKEN = "0123456789abcdefghijklmnop"
COMMAND = [sys.executable, "-c", "from avowal.cli import main; main()", "serve"]


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command; give the process and what it says it serves on."""
    process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("serving on "), line
        yield process, line.removeprefix("serving on ").strip()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def zone(tmp_path: Path) -> str:
    names = {"s1._domainkey.example.com": record_for(ED25519)}
    (tmp_path / "zone.json").write_text(json.dumps(names))
    return str(tmp_path / "zone.json")


def test_it_answers_on_a_port_of_this_machine_until_it_is_told_to_stop(zone: str) -> None:
    tags = {"h": "from:to:subject:date:mime-version:content-type"}
    with started("--socket", "inet:0@127.0.0.1", "--zone", zone) as (process, address):
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
        headers = {"Content-Type": "message/rfc822"}
        connection.request("POST", "/verdict", craft(message(), tags=tags), headers)
        answer = json.loads(connection.getresponse().read())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        connection.close()
    assert answer["answer"] == "authentic"


def test_a_unix_socket_has_its_mode_and_goes_at_the_end(zone: str, tmp_path: Path) -> None:
    path = tmp_path / "serve.sock"
    with started("--socket", f"unix:{path}", "--mode", "0600", "--zone", zone) as (process, where):
        assert where == f"unix:{path}"
        assert path.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not path.exists()


def test_with_a_token_other_machines_may_ask(zone: str, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    arguments = ["--socket", "inet:0@0.0.0.0", "--tokens", str(tokens), "--zone", zone]
    with started(*arguments) as (_, address):
        port = int(address.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {TOKEN}"}, 200)):
            connection.request("GET", "/metrics", headers=headers)
            response = connection.getresponse()
            response.read()
            assert response.status == status
        connection.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--socket", "inet:0@0.0.0.0"], "other machines could ask", id="all"),
        pytest.param(["--socket", "inet:0"], "other machines could ask", id="no-host"),
        pytest.param(["--socket", "tcp:1"], "is no socket", id="no-socket"),
        pytest.param(["--socket", "unix:/nowhere/s"], "directory does not exist", id="nowhere"),
        pytest.param(["--socket", "systemd:"], "systemd handed over no socket", id="no-systemd"),
        pytest.param(["--socket", "unix:s"], "is no socket", id="relative"),
        pytest.param(["--mode", "rw"], "no number such as 0660", id="mode"),
        pytest.param(["--tokens", "missing"], "No such file", id="no-tokens"),
        pytest.param(["--tokens", "empty"], "there is no token in it", id="empty-tokens"),
        pytest.param(["--tokens", "short"], "short:1: this is no token", id="short-token"),
        pytest.param(["--tokens", "huge"], "too large", id="huge-tokens"),
        pytest.param(["--messages", "0"], "0 is not in the range", id="no-messages"),
        pytest.param(["--seconds", "soon"], "no duration", id="no-duration"),
        pytest.param(["--connections", "100000"], "file descriptors", id="descriptors"),
        pytest.param(["--zone", "missing.json"], "missing.json", id="no-zone"),
    ],
)
def test_what_keeps_the_service_from_starting(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LISTEN_FDS", raising=False)
    (tmp_path / "empty").touch()
    (tmp_path / "short").write_text("secret\n")
    (tmp_path / "huge").write_bytes(b"#" * ((1 << 20) + 1))
    if "100000" in arguments:
        monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 4096))
    status = exits.run(lambda: commands.run(["serve", *arguments]))
    assert status in {exits.ExitStatus.UNUSABLE, exits.ExitStatus.TRY_AGAIN}
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("avowal.serve.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert exits.run(lambda: commands.run(["serve"])) == exits.ExitStatus.TRY_AGAIN
    assert "pip install 'avowal[serve]'" in capsys.readouterr().err


def test_the_service_manager_is_told(zone: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        arguments = ["--socket", "inet:0@127.0.0.1", "--zone", zone]
        with subprocess.Popen([*COMMAND, *arguments], env=environment, stderr=subprocess.PIPE) as p:
            assert manager.recv(1000).startswith(b"READY=1")
            p.send_signal(signal.SIGTERM)
            assert manager.recv(1000).startswith(b"STOPPING=1")
            assert p.wait(60) == 0
