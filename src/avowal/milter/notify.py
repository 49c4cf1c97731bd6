"""Telling systemd how the daemon is: the protocol of sd_notify(3), and nothing where it is not."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Sends states to the service manager that started us, if one did.

    `watchdog` is the time in seconds within which WATCHDOG=1 has to be sent again, None
    where nobody waits for it.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.watchdog: float | None = None
        microseconds = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
        if self._address and microseconds.isdigit() and meant:
            self.watchdog = int(microseconds) / 1e6

    def ready(self, status: str) -> None:
        """Say that messages are taken."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Say that the configuration is being read again."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that open messages are being finished."""
        self._send("STOPPING=1\nSTATUS=finishing open messages")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        address = self._address
        if address.startswith("@"):  # in the abstract name space
            address = f"\0{address[1:]}"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as talk:
                talk.connect(address)
                talk.send(state.encode())
        except OSError:
            return  # a manager that does not listen must not stop the mail
