"""Handing reports over: to a command, to an SMTP server."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Received

from avowal.errors import ConfigError, PeerError
from avowal.report.arf import Report, ReportEnvelope, ReportMail, auth_failure
from avowal.report.delivery import SendingCommand, SendingRelay

MAIL = ReportMail(
    report=Report(
        fields=auth_failure(failure="signature", user_agent="x/1", results="r; dkim=fail"),
        header=b"From: a@author.example\r\n.\r\n",
        text="Read me.\n.\n",
    ),
    envelope=ReportEnvelope(
        sender="postmaster@receiver.example",
        recipient="reports@signer.example",
        subject="a failure",
        date=1_800_000_000,
        message_id="1@receiver.example",
        blind_copies=("copy@receiver.example",),
    ),
)


def script(path: Path, text: str) -> str:
    """Write a shell script and return its path."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_command_gets_the_mail_on_its_input_and_an_empty_sender(tmp_path: Path) -> None:
    command = script(tmp_path / "send", f'cat > {tmp_path}/mail; printf "%s|" "$@" > {tmp_path}/at')
    SendingCommand(f"{command} -x 'a b'").send(MAIL)
    assert (tmp_path / "at").read_text() == "-x|a b|-t|-i|-f|<>|"
    mail = (tmp_path / "mail").read_bytes()
    assert b"\nTo: reports@signer.example\nBcc: copy@receiver.example\n" in mail
    assert b"\r" not in mail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("exit 75", "ended with status 75", id="a status"),
        pytest.param(None, "No such file", id="no command"),
    ],
)
def test_a_command_that_fails_is_named(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "send"
    command = str(path) if text is None else script(path, text)
    with pytest.raises(PeerError, match=why):
        SendingCommand(command).send(MAIL)


def test_a_command_with_an_open_quote_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"reports.command: No closing quotation"):
        SendingCommand("send 'mail")


class Keeping:
    """An SMTP server's memory."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.reply = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Received) -> str:  # noqa: N802 - aiosmtpd's name
        self.received.append(envelope)
        return self.reply


@pytest.fixture
async def server() -> AsyncIterator[tuple[Keeping, SendingRelay]]:
    keeping = Keeping()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(keeping, loop=loop), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield keeping, SendingRelay(f"127.0.0.1:{port}")
    listening.close()


async def test_a_relay_gets_the_mail_from_an_empty_sender_and_hides_the_copy(
    server: tuple[Keeping, SendingRelay],
) -> None:
    keeping, relay = server
    await asyncio.to_thread(relay.send, MAIL)
    (envelope,) = keeping.received
    assert envelope.mail_from == "<>"
    assert envelope.rcpt_tos == ["reports@signer.example", "copy@receiver.example"]
    assert isinstance(envelope.content, bytes)
    assert b"Bcc" not in envelope.content
    assert Report.parse(envelope.content).header == MAIL.report.header


async def test_a_relay_that_refuses_is_named(server: tuple[Keeping, SendingRelay]) -> None:
    keeping, relay = server
    keeping.reply = "554 no reports here"
    with pytest.raises(PeerError, match="no reports here"):
        await asyncio.to_thread(relay.send, MAIL)


def test_a_relay_that_is_not_there_is_named() -> None:
    with pytest.raises(PeerError, match="refused"):
        SendingRelay("127.0.0.1:1").send(MAIL)


@pytest.mark.parametrize(
    ("server", "host", "port"),
    [
        pytest.param("mail.example", "mail.example", 25, id="a name"),
        pytest.param("mail.example:587", "mail.example", 587, id="a name and a port"),
        pytest.param("[2001:db8::1]:26", "2001:db8::1", 26, id="an address in brackets"),
        pytest.param("2001:db8::1", "2001:db8::1", 25, id="a bare address"),
    ],
)
def test_a_relay_is_written_as_host_and_port(server: str, host: str, port: int) -> None:
    relay = SendingRelay(server)
    assert (relay.host, relay.port) == (host, port)


@pytest.mark.parametrize("server", ["", ":25", "mail.example:", "mail.example:x", "a:99999"])
def test_what_is_no_server_is_a_mistake(server: str) -> None:
    with pytest.raises(ConfigError, match="not HOST or HOST:PORT"):
        SendingRelay(server)
