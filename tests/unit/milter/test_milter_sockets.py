"""Where the daemon listens, and who may connect there."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from avowal.config.model import Listener
from avowal.errors import ConfigError
from avowal.milter import sockets
from avowal.milter.sockets import (
    BindError,
    InetAddress,
    Inherited,
    UnixAddress,
    open_listener,
    parse,
)

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/m.sock", UnixAddress("/run/m.sock")),
        ("local:/run/m.sock", UnixAddress("/run/m.sock")),
        ("/run/m.sock", UnixAddress("/run/m.sock")),
        ("inet:8891@localhost", InetAddress(V4, "localhost", 8891)),
        ("inet:8891@[127.0.0.1]", InetAddress(V4, "127.0.0.1", 8891)),
        ("inet:8891", InetAddress(V4, "", 8891)),
        ("INET6:8891@::1", InetAddress(V6, "::1", 8891)),
        ("systemd", Inherited("")),
        ("systemd:milter", Inherited("milter")),
    ],
)
def test_a_socket_is_written_as_for_any_milter(text: str, address: sockets.Address) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "8891", "inet:", "inet:x@localhost", "inet:70000@localhost", "unix:m.sock", "ftp:1"],
)
def test_what_is_no_socket_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ConfigError, match="write unix:PATH, inet:PORT@HOST"):
        parse(text)


def test_a_unix_socket_gets_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    opened = open_listener(Listener(socket=f"unix:{path}", mode="0620"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o620
    opened.close()
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_unix_socket_gets_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    opened = open_listener(Listener(socket=f"unix:{path}", owner="nobody", group="65534"))
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)
    opened.close()


def test_a_socket_nobody_listens_on_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    open_listener(Listener(socket=f"unix:{path}")).close()


def test_a_socket_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    listener = Listener(socket=f"unix:{tmp_path / 'm.sock'}")
    opened = open_listener(listener)
    with pytest.raises(BindError, match="another process listens there"):
        open_listener(listener)
    assert (tmp_path / "m.sock").exists()
    opened.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    path.write_text("precious")
    with pytest.raises(BindError, match="is no socket"):
        open_listener(Listener(socket=f"unix:{path}"))
    assert path.read_text() == "precious"


def test_a_successor_that_got_the_freed_number_is_not_removed(tmp_path: Path) -> None:
    """A daemon that drains closes its sockets twice, and the next one may have begun meanwhile."""
    listener = Listener(socket=f"unix:{tmp_path / 'm.sock'}")
    opened = open_listener(listener)
    number = opened.made
    opened.close()
    successor = open_listener(listener)
    if successor.made != number:
        successor.close()
        pytest.skip("this file system does not give the number a second time")
    opened.close()
    assert (tmp_path / "m.sock").exists()
    successor.close()


def test_the_name_goes_while_the_socket_still_holds_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_listener(Listener(socket=f"unix:{tmp_path / 'm.sock'}"))
    number = opened.socket.fileno()
    held: list[int] = []
    monkeypatch.setattr(sockets.paths, "remove", lambda *_: held.append(opened.socket.fileno()))
    opened.close()
    assert held == [number]


def test_the_name_of_a_successor_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "m.sock"
    opened = open_listener(Listener(socket=f"unix:{path}"))
    path.unlink()
    successor = open_listener(Listener(socket=f"unix:{path}"))
    opened.close()
    assert path.exists()
    successor.close()


@pytest.mark.parametrize(
    ("listener", "error", "words"),
    [
        pytest.param(
            {"socket": "unix:/nonexistent/m.sock"}, BindError, "make it first", id="directory"
        ),
        pytest.param(
            {"socket": "inet:25991@192.0.2.1"}, BindError, "no address of this", id="address"
        ),
        pytest.param(
            {"socket": "inet:25991@no.such.invalid"}, BindError, "name an address", id="name"
        ),
        pytest.param(
            {"socket": "unix:{tmp}/m.sock", "group": "no-such-group"},
            ConfigError, "no group 'no-such-group'", id="group",
        ),
        pytest.param(
            {"socket": "unix:{tmp}/m.sock", "owner": "no-such-user"},
            ConfigError, "no user 'no-such-user'", id="owner",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_says_what_to_do(
    tmp_path: Path, listener: dict[str, str], error: type[Exception], words: str
) -> None:
    options = {key: value.replace("{tmp}", str(tmp_path)) for key, value in listener.items()}
    with pytest.raises(error, match=words):
        open_listener(Listener(**options))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BindError, match="stop it or choose another port"):
            open_listener(Listener(socket=f"inet:{port}@127.0.0.1"))


def test_answers_on_tcp_do_not_wait_for_more() -> None:
    opened = open_listener(Listener(socket="inet:0@127.0.0.1"))
    assert opened.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    opened.close()


def test_a_role_can_change_without_a_new_socket(tmp_path: Path) -> None:
    listener = Listener(socket=f"unix:{tmp_path / 'm.sock'}", role="sign")
    opened = open_listener(listener)
    assert opened.serves(Listener(socket=listener.socket, role="verify"))
    assert not opened.serves(Listener(socket=listener.socket, mode="0666"))
    opened.close()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        pytest.param({}, "handed over no socket", id="not started by systemd"),
        pytest.param({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, "no socket", id="for another process"),
        pytest.param(
            {"LISTEN_PID": "{pid}", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "other"},
            "handed over other only", id="another name",
        ),
    ],
)  # fmt: skip
def test_a_socket_that_systemd_did_not_hand_over_is_an_error(
    environment: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("{pid}", str(os.getpid())))
    with pytest.raises(BindError, match=words):
        open_listener(Listener(socket="systemd:milter"))
