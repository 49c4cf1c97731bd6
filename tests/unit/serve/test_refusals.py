"""What has no answer gets a problem of the document: what, where, what to do."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra: serve)")

from tests.serving import (
    SIGNED,
    TOKEN,
    Reply,
    Running,
    check_documented,
    read_reply,
    request,
    running,
    until,
)

from avowal.errors import ConfigError
from avowal.lookup import NO_NAME, Answer, Question
from avowal.serve import application
from avowal.serve.connection import HttpConnection
from avowal.serve.limits import HEAD_SECONDS, ServeLimits
from avowal.serve.refusals import Refusal
from avowal.serve.service import tokens_in

SMALL = ServeLimits(octets=1000)
CLAIM = "?client=192.0.2.1&mail_from=a@example.com"


def told(reply: Reply | None, problem: str, path: str = "/verdict") -> None:
    """The answer is a problem, documented, with something to do."""
    assert reply is not None
    check_documented("POST", path, reply)
    assert reply.object["problem"] == problem
    assert reply.object["detail"]
    assert reply.object["hint"] == Refusal(problem).sentence
    assert reply.fields["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("target", "fields", "problem"),
    [
        pytest.param("/verdict", {"content_type": ""}, "media-type", id="no-type"),
        pytest.param("/verdict", {"content_type": "multipart/form-data; boundary=x"}, "media-type",
                     id="a-form"),
        pytest.param("/verdict", {"content_encoding": "gzip"}, "media-type", id="compressed"),
        pytest.param("/verdict?from=a", {}, "bad-parameter", id="unknown-parameter"),
        pytest.param("/verdict?max_age=7d", {}, "bad-parameter", id="no-number"),
        pytest.param(f"/verdict?max_age={'9' * 100}", {}, "bad-parameter", id="a-huge-number"),
        pytest.param("/verdict?max_age=1&max_age=2", {}, "bad-parameter", id="twice"),
        pytest.param("/verdict?accept_spf=yes", {}, "bad-parameter", id="no-truth-value"),
        pytest.param("/verdict?helo=%FF", {}, "bad-parameter", id="no-utf-8"),
        pytest.param("/verdict?" + "recipient=a&" * 1001, {}, "bad-parameter", id="too-many"),
        pytest.param("/verdict?client=me&mail_from=", {}, "bad-parameter", id="no-address"),
        pytest.param("/verdict?helo=me", {}, "bad-parameter", id="a-name-without-an-address"),
        pytest.param("/verdict?client=192.0.2.1", {}, "bad-parameter", id="without-a-sender"),
        pytest.param("/verdict?accept_arc=-", {}, "bad-parameter", id="no-domain"),
        pytest.param("/verdict?accept_unsigned=From", {}, "bad-parameter", id="from-is-signed"),
        pytest.param("/authenticate?policies=2025", {}, "bad-parameter", id="no-generation"),
        pytest.param("/authenticate?authserv_id=" + "a" * 1000, {}, "bad-parameter", id="long-id"),
        pytest.param("/verdict", {"content_length": "70000000"}, "too-large", id="declared-large"),
        pytest.param("/verdict", {"content_length": "9" * 19}, "too-large", id="declared-huge"),
    ],
)  # fmt: skip
async def test_a_request_is_refused(
    tmp_path: Path, target: str, fields: dict[str, str], problem: str
) -> None:
    async with running(tmp_path) as service:
        reply = await service.ask(request("POST", target, b"", **fields))
    told(reply, problem, target.partition("?")[0])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
async def test_a_method_that_a_page_does_not_have_is_refused(tmp_path: Path, method: str) -> None:
    async with running(tmp_path) as service:
        reply = await service.ask(request(method, "/verdict", None))
    told(reply, "method-not-allowed")
    assert reply is not None
    assert reply.fields["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("target", ["/", "/docs", "/verdict/", "//verdict", "/verdict%00", "*"])
async def test_there_are_no_other_pages(tmp_path: Path, target: str) -> None:
    async with running(tmp_path) as service:
        told(await service.post(target), "not-found")


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\r\n\r\n\0\xff\r\n\r\n", id="octets"),
        pytest.param(b"GET\r\n\r\n", id="no-target"),
        pytest.param(b"GET / HTTP/9\r\n\r\n", id="no-version"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", id="two-hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n", id="no-name"),
        pytest.param(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + bytes(10) + b"\r\n\r\n", id="nul"),
        pytest.param(b"GET / HTTP/1.1\r\nx: " + b"y" * (40 << 10), id="a-head-without-end"),
        pytest.param(request("POST", "/verdict", b"", content_length="-1"), id="a-length-below-0"),
        pytest.param(request("POST", "/verdict", b"", content_length="1, 2"), id="two-lengths"),
        pytest.param(
            request("POST", "/verdict", b"", content_length="", transfer_encoding="chunked")
            + b"zz\r\n\r\n", id="no-chunk"),
        pytest.param(
            request("POST", "/verdict", b"", content_length="", transfer_encoding="gzip"),
            id="another-coding"),
    ],
)  # fmt: skip
async def test_what_is_no_http_is_told_so(tmp_path: Path, octets: bytes) -> None:
    async with running(tmp_path) as service:
        told(await service.ask(octets), "bad-request")


@pytest.mark.parametrize("host", ["[", "a b", "]:x", "http://[", "\xff", "a" * 5000, "localhost:x"])
async def test_no_name_of_the_service_is_too_strange(tmp_path: Path, host: str) -> None:
    async with running(tmp_path, private=False) as service:
        for path in ("/verdict", "/nothing"):
            octets = request("POST", path, SIGNED, host="X").replace(b"X", host.encode("latin1"), 1)
            reply = await service.ask(octets)
            assert reply is not None
            assert reply.object["problem"] in {"misdirected", "not-found", "bad-request"}
            check_documented("POST", path, reply)


# -- who may ask ---------------------------------------------------------------------------------

OPEN: dict[str, Any] = {"private": False}
SECRET: dict[str, Any] = {"private": False, "tokens": (b"another-token-of-20-and-more", TOKEN)}


@pytest.mark.parametrize(
    ("options", "target", "fields", "status", "problem"),
    [
        pytest.param({}, f"/verdict{CLAIM}", {}, 200, None, id="a-claim-over-a-unix-socket"),
        pytest.param(OPEN, "/verdict", {}, 200, None, id="anybody-here-may-ask"),
        pytest.param(OPEN, "/verdict", {"host": "127.0.0.1:8893"}, 200, None, id="by-address"),
        pytest.param(OPEN, "/verdict", {"host": "[::1]:8893"}, 200, None, id="by-the-other-one"),
        pytest.param(OPEN, "/verdict", {"host": "evil.example"}, 421, "misdirected",
                     id="by-a-name-of-somebodys-choice"),
        pytest.param(OPEN, f"/verdict{CLAIM}", {}, 403, "claims-need-authentication",
                     id="a-claim-of-anybody"),
        pytest.param(OPEN, "/authenticate?mail_from=", {}, 403, "claims-need-authentication",
                     id="a-claim-about-findings"),
        pytest.param(SECRET, "/verdict", {}, 401, "no-token", id="no-token"),
        pytest.param(SECRET, "/verdict", {"authorization": f"Basic {TOKEN.decode()}"}, 401,
                     "no-token", id="another-scheme"),
        pytest.param(SECRET, "/verdict", {"authorization": "Bearer wrong"}, 401, "no-token",
                     id="a-wrong-token"),
        pytest.param(SECRET, "/verdict", {"authorization": "Bearer"}, 401, "no-token",
                     id="an-empty-token"),
        pytest.param(SECRET, f"/verdict{CLAIM}", {"authorization": f"bearer {TOKEN.decode()}"}, 200,
                     None, id="a-claim-with-the-token"),
        pytest.param(SECRET, "/verdict", {"authorization": f"Bearer {TOKEN.decode()}",
                     "host": "mail.example"}, 200, None, id="with-the-token-by-any-name"),
    ],
)  # fmt: skip
async def test_who_may_ask(
    tmp_path: Path, options: dict[str, Any], target: str, fields: dict[str, str], *, status: int,
    problem: str | None,
) -> None:  # fmt: skip
    async with running(tmp_path, **options) as service:
        reply = await service.post(target, **fields)
    assert reply.status == status
    if problem is not None:
        told(reply, problem, target.partition("?")[0])


async def test_the_pages_say_nothing_of_messages_to_strangers(tmp_path: Path) -> None:
    async with running(tmp_path, **SECRET) as service:
        told(await service.get("/metrics"), "no-token")
        assert (await service.get("/health")).status == 200
        assert (await service.get("/openapi.json")).status == 200


@pytest.mark.parametrize(
    ("octets", "tokens"),
    [
        pytest.param(TOKEN + b"\n", (TOKEN,), id="one"),
        pytest.param(b"# old\n" + TOKEN + b"\r\n\nx" + TOKEN, (TOKEN, b"x" + TOKEN), id="several"),
    ],
)
def test_a_file_of_tokens(octets: bytes, tokens: tuple[bytes, ...]) -> None:
    assert tokens_in(octets, "tokens") == tokens


@pytest.mark.parametrize("octets", [b"", b"# nothing\n", b"short\n", b"a" * 30 + b" b\n", b"\xff"])
def test_a_file_without_tokens_is_refused(octets: bytes) -> None:
    with pytest.raises(ConfigError, match="openssl rand"):
        tokens_in(octets, "tokens")


# -- limits --------------------------------------------------------------------------------------


async def test_a_message_beyond_the_limit_is_refused_while_it_is_read(tmp_path: Path) -> None:
    head = request("POST", "/verdict", b"", content_length="", transfer_encoding="chunked")
    chunk = b"800\r\n" + b"a" * 0x800 + b"\r\n"
    async with running(tmp_path, limits=SMALL) as service:
        told(await service.ask(head + chunk * 100), "too-large")  # without an end


async def test_a_message_that_does_not_arrive_in_time_is_refused(tmp_path: Path) -> None:
    half = request("POST", "/verdict", SIGNED)[:-10]
    async with running(tmp_path, limits=ServeLimits(seconds=0)) as service:
        told(await service.ask(half), "too-slow")


class Silent:
    """A resolver that never answers; `asked` is set when it was asked."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self.asked.set()
        await self.answers.wait()
        return (NO_NAME,) * len(questions)


async def test_messages_beyond_the_limit_are_told_to_come_again(tmp_path: Path) -> None:
    resolver = Silent()
    limits = ServeLimits(messages=1)
    async with running(tmp_path, limits=limits, resolver=resolver) as service:
        first = asyncio.create_task(service.post("/verdict"))
        await resolver.asked.wait()
        busy = await service.post("/verdict")
        resolver.answers.set()
        assert (await first).status == 200
        assert (await service.post("/verdict")).status == 200
    told(busy, "busy")
    assert busy.fields["retry-after"] == "1"


async def test_connections_beyond_the_limit_are_told_to_come_again(tmp_path: Path) -> None:
    async with running(tmp_path, limits=ServeLimits(connections=2)) as service:
        idle = [await asyncio.open_unix_connection(str(service.path)) for _ in range(2)]
        told(await service.get("/health"), "busy", "/verdict")
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        await until(lambda: not service.server.server_state.connections)
        assert (await service.get("/health")).status == 200


def later(service: Running, connection: HttpConnection, seconds: float) -> None:
    """Look at a connection when so much time has passed."""
    service.service.awake += seconds
    connection.look()
    service.service.awake -= seconds


def connections(service: Running) -> list[HttpConnection]:
    found = service.server.server_state.connections
    return [one for one in found if isinstance(one, HttpConnection)]


@pytest.mark.parametrize(
    ("octets", "answered"),
    [pytest.param(b"GET /hea", True, id="in-the-head"), pytest.param(b"", False, id="silent")],
)
async def test_a_request_that_does_not_come_ends_the_connection(
    tmp_path: Path, octets: bytes, *, answered: bool
) -> None:
    async with running(tmp_path) as service:
        reader, writer = await asyncio.open_unix_connection(str(service.path))
        writer.write(octets)
        await service.get("/health")  # what was sent before has been read
        for one in connections(service):
            later(service, one, HEAD_SECONDS - 2)
            later(service, one, HEAD_SECONDS + 2)
        reply = await read_reply(reader)
        writer.close()
    if answered:
        told(reply, "too-slow")
    else:
        assert reply is None


async def test_a_client_that_does_not_take_its_answer_is_let_go(tmp_path: Path) -> None:
    resolver = Silent()
    async with running(tmp_path, resolver=resolver) as service:
        asking = asyncio.create_task(service.ask(request("POST", "/verdict", SIGNED)))
        await resolver.asked.wait()
        (one,) = connections(service)
        later(service, one, 98)
        assert not one.transport.is_closing()
        later(service, one, 102)
        assert await asking is None
        assert service.service.meters.closed == 1
        resolver.answers.set()


async def test_a_client_that_hangs_up_is_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        _, writer = await asyncio.open_unix_connection(str(service.path))
        writer.write(request("POST", "/verdict", SIGNED)[:-10])
        await until(lambda: service.service.under_way == 1)
        writer.close()
        await until(lambda: service.service.under_way == 0)
        assert service.service.meters.gone == 1


# -- the end, and faults -------------------------------------------------------------------------


async def test_what_came_is_answered_when_the_service_stops(tmp_path: Path) -> None:
    resolver = Silent()
    async with running(tmp_path, resolver=resolver) as service:
        asking = asyncio.create_task(service.post("/verdict"))
        await resolver.asked.wait()
        service.server.stop()
        await until(lambda: service.service.draining)
        with pytest.raises((ConnectionError, FileNotFoundError)):
            await service.get("/health")
        resolver.answers.set()
        assert (await asking).status == 200


async def test_a_fault_of_ours_is_told_and_logged_without_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(application, "judge", broken)
    async with running(tmp_path) as service:
        told(await service.post("/verdict"), "failed")
    assert "a fault" in caplog.text
    assert "alice" not in caplog.text


async def test_nothing_of_a_message_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path) as service:
        await service.post("/verdict?recipient=bob@example.net")
        await service.ask(b"alice \0\r\n\r\n")
    assert "alice" not in caplog.text
    assert "bob" not in caplog.text
