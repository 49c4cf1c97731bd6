"""What a filter may answer and when: the seam that both daemons share, and OpenDKIM's part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.mta.session import Transaction

from avowal.config.opendkim_conf import read_conf
from avowal.milter.packets import Connect, PlainAnswer
from avowal.opendkim.filter import OpendkimFilter
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.journal import Line
from avowal.opendkim.settings import compiled
from avowal.opendkim.verdict import Mail, OpendkimVerdict

Serve = Callable[..., Any]
HEADER = (
    b"From: a@sender.example\r\nTo: b@receiver.example\r\nSubject: one\r\n"
    b"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <m@sender.example>\r\n"
)
PLAIN = HEADER + b"\r\nbody\r\n"
BROKEN = b"DKIM-Signature: v\r\n" + PLAIN
STRANGER = Connect(b"mx.other.example", b"4", 25, b"192.0.2.7")


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, line: Line, /) -> None:
        self.texts.append(line.text)


async def send_nothing(mails: Sequence[Mail]) -> None:
    """Send reports nowhere."""


@pytest.fixture
def opendkim(tmp_path: Path) -> Callable[..., OpendkimFilter]:
    def made(conf: str = "", **others: Any) -> OpendkimFilter:
        path = tmp_path / "opendkim.conf"
        path.write_text(f"Mode v\nSyslog yes\n{conf}")
        generation = OpendkimGeneration.of(compiled(read_conf(str(path))))
        values = {"log": Lines(), "send": send_nothing, **others}
        return OpendkimFilter(generation=generation, **values)

    return made


async def test_a_peer_is_let_alone_at_its_connection(
    serve: Serve, opendkim: Callable[..., OpendkimFilter]
) -> None:
    async with serve(opendkim("PeerList 192.0.2.7\n")) as running:
        outcome = await running.send(PLAIN, connection=STRANGER)
    assert (outcome.answer, chr(outcome.command)) == (PlainAnswer.ACCEPT, "C")


@pytest.mark.parametrize(
    ("octets", "command"),
    [pytest.param(BROKEN, "N", id="without its body"), pytest.param(PLAIN, "E", id="with it")],
)
async def test_what_needs_no_body_is_answered_at_the_end_of_the_header(
    serve: Serve, opendkim: Callable[..., OpendkimFilter], octets: bytes, command: str
) -> None:
    async with serve(opendkim("On-BadSignature accept\n")) as running:
        outcome = await running.send(octets, connection=STRANGER)
        await running.until(lambda: running.service.held == 0)
    assert chr(outcome.command) == command


async def test_several_messages_answered_early_follow_each_other(
    serve: Serve, opendkim: Callable[..., OpendkimFilter]
) -> None:
    async with serve(opendkim()) as running:
        mta = await running.client()
        for octets, command in ((BROKEN, "N"), (BROKEN, "N"), (PLAIN, "E"), (BROKEN, "N")):
            transaction = Transaction.of(octets, connection=STRANGER)
            outcome = await asyncio.to_thread(mta.send, transaction)
            assert chr(outcome.command) == command
        await asyncio.to_thread(mta.close)


async def test_the_lines_of_a_message_are_written_once_it_is_answered(
    serve: Serve, opendkim: Callable[..., OpendkimFilter]
) -> None:
    log = Lines()
    async with serve(opendkim(log=log)) as running:
        await running.send(BROKEN, connection=STRANGER, macros={"i": b"JOB1"})
    assert log.texts
    assert all(text.startswith("JOB1: ") for text in log.texts)


async def test_reports_leave_before_the_answer(
    serve: Serve, opendkim: Callable[..., OpendkimFilter], monkeypatch: pytest.MonkeyPatch
) -> None:
    from avowal.opendkim.filtering import Filtering

    report = Mail(sender="", octets=b"")

    def finish(self: Filtering) -> Any:
        return OpendkimVerdict(mails=(report,))
        yield

    monkeypatch.setattr(Filtering, "finish", finish)
    sent, go = asyncio.Event(), asyncio.Event()

    async def send(mails: Sequence[Mail]) -> None:
        assert list(mails) == [report]
        sent.set()
        await go.wait()

    async with serve(opendkim(send=send)) as running:
        waiting = asyncio.create_task(running.send(PLAIN, connection=STRANGER))
        await asyncio.wait_for(sent.wait(), 60)
        assert not waiting.done()
        go.set()
        assert (await waiting).answer is PlainAnswer.ACCEPT


async def test_a_shadow_changes_nothing_and_compares_at_the_end(
    serve: Serve, opendkim: Callable[..., OpendkimFilter]
) -> None:
    compared = []

    class Shadow:
        def signing_time(self, header: object, now: int, /) -> int:
            return now

        def compare(self, *compare: object) -> None:
            compared.append(compare)

    log = Lines()
    filter_ = opendkim("On-BadSignature reject\n", shadow=Shadow(), log=log)
    async with serve(filter_) as running:
        outcome = await running.send(BROKEN, connection=STRANGER)
    assert (outcome.answer, chr(outcome.command)) == (PlainAnswer.ACCEPT, "E")
    assert outcome.modifications == ()
    assert len(compared) == 1
    assert log.texts == []


async def test_a_reload_changes_what_the_next_message_meets(
    serve: Serve, opendkim: Callable[..., OpendkimFilter]
) -> None:
    filter_ = opendkim("On-NoSignature accept\n")
    async with serve(filter_) as running:
        mta = await running.client()
        transaction = Transaction.of(PLAIN, connection=STRANGER)
        outcome = await asyncio.to_thread(mta.send, transaction)
        assert outcome.answer is PlainAnswer.ACCEPT
        filter_.generation = opendkim("On-NoSignature tempfail\n").generation
        outcome = await asyncio.to_thread(mta.send, transaction)
        assert outcome.answer is not PlainAnswer.ACCEPT
        await asyncio.to_thread(mta.close)


@pytest.mark.parametrize("fault", ["begin", "finish"])
async def test_a_bug_is_answered_as_the_configuration_wants(
    serve: Serve,
    opendkim: Callable[..., OpendkimFilter],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    from avowal.opendkim.filtering import Filtering

    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("bug")

    monkeypatch.setattr(Filtering, "_begin" if fault == "begin" else "finish", broken)
    async with serve(opendkim("On-InternalError tempfail\n")) as running:
        outcome = await running.send(PLAIN, connection=STRANGER)
    assert outcome.answer is PlainAnswer.TEMPFAIL
