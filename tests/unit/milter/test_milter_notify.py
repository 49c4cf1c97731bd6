"""What systemd is told, and that nobody minds when it is not there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from avowal.milter.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(tmp_path / "notify"))
        opened.settimeout(5)
        yield opened


def test_states_are_told(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("all is well")
    assert manager.recv(100) == b"READY=1\nSTATUS=all is well"
    notifier.reloading()
    assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    notifier.stopping()
    assert manager.recv(100).startswith(b"STOPPING=1\n")
    notifier.alive()
    assert manager.recv(100) == b"WATCHDOG=1"


def test_the_abstract_name_space_is_known() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(f"\0avowal-test-{os.getpid()}")
        opened.settimeout(5)
        Notifier({"NOTIFY_SOCKET": f"@avowal-test-{os.getpid()}"}).alive()
        assert opened.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nonexistent/notify"}])
def test_without_a_manager_nothing_happens(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)
    notifier.ready("")
    assert notifier.watchdog is None


@pytest.mark.parametrize(
    ("pid", "seconds"),
    [("", 30.0), (str(os.getpid()), 30.0), ("1", None)],
    ids=["for anybody", "for us", "for another process"],
)
def test_the_watchdog_is_fed_if_it_is_ours(pid: str, seconds: float | None) -> None:
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": pid}
    assert Notifier(environment).watchdog == seconds
