"""A mailbox of reports by LMTP: what an MTA is answered."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner
from tests.aggregates import METADATA, POLICY, RECORD
from tests.reportmails import HEAD, attached

from avowal.calls.report_answers import UploadedFileObject
from avowal.cli.reports_receive import _specification, receive
from avowal.cli.reports_store import file_taker
from avowal.errors import StoreError, UsageError
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_xml import write_aggregate

pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed (extra: lmtp)")
from avowal.contrib import report_lmtp

MAIL = attached(
    gzip.compress(
        write_aggregate(AggregateReport(metadata=METADATA, policy=POLICY, records=(RECORD,)))
    )
)


class Client:
    """An MTA, octet by octet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def reply(self) -> str:
        while (line := (await self._reader.readline()).decode())[3:4] == "-":
            continue
        return line.rstrip()

    async def say(self, *lines: str) -> str:
        said = ""
        for line in lines:
            self._writer.write(f"{line}\r\n".encode())
            said = await self.reply()
        return said

    async def mail(self, octets: bytes) -> str:
        await self.say("LHLO c", "MAIL FROM:<>", "RCPT TO:<d@r.example>", "DATA")
        self._writer.write(octets + b"\r\n.\r\n")
        return await self.reply()

    def close(self) -> None:
        self._writer.close()


@contextlib.asynccontextmanager
async def mailbox(folder: Path, take: report_lmtp.TakeMail | None = None) -> AsyncIterator[Path]:
    listening, path = socket.socket(socket.AF_UNIX), folder / "s"
    listening.bind(str(path))
    listening.listen()
    stop, ready = asyncio.Event(), asyncio.Event()
    taker = take or file_taker(str(folder / "r.db"))
    task = asyncio.create_task(report_lmtp.serve(listening, taker, stop, ready=ready.set))
    await ready.wait()
    yield path
    stop.set()
    await task


async def connected(path: Path) -> Client:
    return Client(*await asyncio.open_unix_connection(str(path)))


async def test_a_mail_is_answered_by_what_it_holds(tmp_path: Path) -> None:
    async with mailbox(tmp_path) as path:
        client = await connected(path)
        assert (await client.reply()).startswith("220 ")
        said = [await client.mail(one) for one in (MAIL, MAIL, HEAD + b"\r\nhello\r\n")]
        client.close()
    why = "no part of it is a file or a report (text/plain)"
    assert said == [
        "250 2.0.0 1 kept, 0 known already, 0 refused",
        "250 2.0.0 0 kept, 1 known already, 0 refused",
        f"250 2.0.0 0 kept, 0 known already, 0 refused: {why}",
    ]


async def test_the_mta_tries_again_where_the_store_cannot_be_written(tmp_path: Path) -> None:
    def full(file: IO[bytes], name: str) -> UploadedFileObject:
        raise StoreError("the disk is full")

    async with mailbox(tmp_path, full) as path:
        client = await connected(path)
        await client.reply()
        assert (await client.mail(MAIL)).startswith("451 4.3.0 ")
        client.close()


async def test_one_recipient_at_a_time(tmp_path: Path) -> None:
    async with mailbox(tmp_path) as path:
        client = await connected(path)
        await client.reply()
        said = await client.say("LHLO c", "MAIL FROM:<>", "RCPT TO:<a@r.example>",
                                "RCPT TO:<b@r.example>")  # fmt: skip
        client.close()
    assert said.startswith("452 4.5.3 ")


async def test_a_mail_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_lmtp, "MOST_OCTETS", 500)
    async with mailbox(tmp_path) as path:
        client = await connected(path)
        await client.reply()
        assert (await client.mail(MAIL)).startswith("552 ")
        client.close()


async def test_connections_beyond_the_limit_are_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_lmtp, "MOST_CONNECTIONS", 1)
    async with mailbox(tmp_path) as path:
        first = await connected(path)
        assert (await first.reply()).startswith("220 ")
        second = await connected(path)
        assert (await second.reply()).startswith("421 ")
        first.close()
        second.close()
        while report_lmtp._Connection.open:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)
        third = await connected(path)
        assert (await third.reply()).startswith("220 ")
        third.close()


async def test_a_silent_client_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_lmtp, "IDLE_SECONDS", 0.05)
    async with mailbox(tmp_path) as path:
        client = await connected(path)
        assert (await client.reply()).startswith("220 ")
        assert await client.reply() == ""
        client.close()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("unix:/run/a", "unix:/run/a"),
        ("127.0.0.1:2003", "inet:2003@127.0.0.1"),
        ("[::1]:2003", "inet6:2003@::1"),
        ("inet:2003@localhost", "inet:2003@localhost"),
    ],
)
def test_a_socket_is_named_as_postfix_or_we_do(given: str, found: str) -> None:
    assert _specification(given) == found


def test_no_socket_is_told() -> None:
    with pytest.raises(UsageError, match=r"no socket such as unix:PATH"):
        _specification("2003")


def test_other_machines_are_refused(tmp_path: Path) -> None:
    given = ["--store", str(tmp_path / "r.db"), "--lmtp", "0.0.0.0:0"]
    fault = CliRunner().invoke(receive, given).exception
    assert "LMTP has no password" in str(fault)
