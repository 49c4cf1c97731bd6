"""The small HTTP end: three pages, bounded, and a failing page is no failing worker."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from avowal.milter.health import HealthProtocol, PageReply, answer


def broken() -> PageReply:
    raise RuntimeError("bug")


PAGES = {
    "/healthz": lambda: PageReply(200, b"alive\n"),
    "/readyz": lambda: PageReply(503, b"stopping\n"),
    "/metrics": broken,
}


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"200 OK", b"alive\n"),
        (b"GET /healthz?x=1 HTTP/1.0\r\n\r\n", b"200 OK", b"alive\n"),
        (b"GET /readyz HTTP/1.1\r\n\r\n", b"503 Service Unavailable", b"stopping\n"),
        (b"HEAD /healthz HTTP/1.1\r\n\r\n", b"200 OK", b""),
        (b"GET /etc/passwd HTTP/1.1\r\n\r\n", b"404 Not Found", b"try /healthz /readyz /metrics\n"),
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"405 Method Not Allowed", b"only GET\n"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"500 Failed", b"see the log\n"),
        (b"\xff\xfe\r\n\r\n", b"405 Method Not Allowed", b"only GET\n"),
        (b"\r\n\r\n", b"405 Method Not Allowed", b"only GET\n"),
    ],
)
def test_a_request_gets_its_page(request_: bytes, status: bytes, body: bytes) -> None:
    head, _, sent = answer(request_, PAGES).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert sent == body


Ask = Callable[[bytes], Awaitable[bytes]]


@pytest.mark.parametrize(
    ("octets", "beginning"),
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1 200", id="a request"),
        pytest.param(b"GET /healthz HTTP/1.1\n\n", b"HTTP/1.1 200", id="bare line feeds"),
        pytest.param(b"x" * 20_000, b"", id="a request without end"),
    ],
)
async def test_a_connection_has_one_request_of_bounded_size(
    octets: bytes, beginning: bytes
) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HealthProtocol(PAGES), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def ask() -> bytes:
        with socket.create_connection(("127.0.0.1", port)) as talk:
            talk.settimeout(5)
            try:
                talk.sendall(octets)
                received = b""
                while chunk := talk.recv(4096):
                    received += chunk
            except ConnectionError:
                return b""
            return received

    assert (await asyncio.to_thread(ask)).startswith(beginning)
    server.close()
    await server.wait_closed()
