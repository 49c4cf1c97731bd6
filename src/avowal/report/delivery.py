"""Handing over mail of our own: to a command that reads it, or to an SMTP server.

The envelope sender is empty, so that no report about a report comes back (RFC 6650 §6,
RFC 5321 §6.1).  Both block: they are for a thread or a process that nobody waits for.
"""

from __future__ import annotations

import shlex
import smtplib
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from avowal.errors import ConfigError, PeerError
from avowal.report.arf import ReportMail

DEFAULT_COMMAND = "/usr/sbin/sendmail"
SECONDS = 20.0  # a command or a step of SMTP that takes longer is given up
_SMTP_PORT = 25


class Sending(Protocol):
    """A way out for reports."""

    def send(self, mail: ReportMail) -> None:
        """Hand over one mail.  Raises PeerError."""


class SendingCommand:
    """Runs ``COMMAND -t -i -f <>`` with the mail on its input, as every sendmail takes it."""

    def __init__(self, command: str) -> None:
        """Take the command with its arguments.  Raises ConfigError for an open quote."""
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise ConfigError(f"{error} in {command!r}", key="reports.command") from None

    def send(self, mail: ReportMail) -> None:
        """Hand over one mail.  Raises PeerError."""
        words = [*self._words, "-t", "-i", "-f", "<>"]
        try:
            status = piped(words, mail.report.octets(mail.envelope))
        except subprocess.TimeoutExpired:
            raise PeerError(f"{words[0]}: still running after {SECONDS:.0f} s: stopped") from None
        except OSError as error:
            raise PeerError(f"{words[0]}: {error.strerror}") from None
        if status:
            raise PeerError(f"{words[0]}: ended with status {status}")


class SendingRelay:
    """Speaks SMTP with a server; each mail has a connection of its own."""

    def __init__(self, server: str) -> None:
        """Take ``HOST``, ``HOST:PORT`` or ``[ADDRESS]:PORT``.  Raises ConfigError."""
        host, colon, port = server.rpartition(":")
        if not colon or (":" in host and not host.startswith("[")):
            host, port = server, str(_SMTP_PORT)
        if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
            raise ConfigError(f"{server!r} is not HOST or HOST:PORT", key="reports.relay")
        self.host, self.port = host.strip("[]"), int(port)

    def send(self, mail: ReportMail) -> None:
        """Hand over one mail.  Raises PeerError."""
        hidden = replace(mail.envelope, blind_copies=())
        recipients = [mail.envelope.recipient, *mail.envelope.blind_copies]
        try:
            with smtplib.SMTP(self.host, self.port, timeout=SECONDS) as server:
                server.sendmail("", recipients, mail.report.octets(hidden))
        except smtplib.SMTPException as error:
            raise PeerError(f"{self.host}: {error}") from None
        except OSError as error:
            raise PeerError(f"{self.host}: {error.strerror or error}") from None


def way_out(*, relay: str | None, command: str | None) -> Sending:
    """Return how reports leave: by a relay, else by a command.  Raises ConfigError."""
    if relay is not None:
        return SendingRelay(relay)
    return SendingCommand(command or DEFAULT_COMMAND)


def piped(words: Sequence[str], octets: bytes) -> int:
    """Run a command with a mail in wire form on its input; return its status.

    Raises OSError where it cannot be run, `subprocess.TimeoutExpired` after `SECONDS`.
    """
    return subprocess.run(  # noqa: S603 - the operator's own command, without a shell
        words,
        input=octets.replace(b"\r\n", b"\n"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=False,
    ).returncode
