"""The target for the HTTP service: whatever a client sends gets answers of the document, or none.

The connection is the service's own, over a transport in memory; after the octets the client
hangs up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.targets import expect

if TYPE_CHECKING:
    from tests.serving import Reply

    from avowal.serve.server import Server

_TURNS = 30  # of the event loop, for what has come to be answered


class _Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.written = bytearray()
        self._protocol = protocol
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self.written += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        """There is no more than was given."""

    resume_reading = pause_reading


def serve(octets: bytes) -> None:
    """The first octet chooses who may ask and how the octets are cut; the rest is what comes."""
    for module in ("uvicorn", "starlette", "jsonschema"):
        pytest.importorskip(module, reason=f"{module} is not installed (extras: serve, test)")
    choice = octets[0] if octets else 0
    stream = octets[1:]
    size = (1 << 16, 1, 100, 7)[choice >> 2 & 3]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    written = asyncio.run(_answered(pieces, _server(choice & 3)))
    from tests.serving import check_documented_somewhere

    for reply in _replies(written):
        check_documented_somewhere(reply)


@lru_cache(maxsize=4)
def _server(kind: int) -> Server:
    from tests.serving import TOKEN, ZONE

    from avowal.serve.limits import ServeLimits
    from avowal.serve.server import Server
    from avowal.serve.service import Service
    from avowal.testing import Zone

    options = ({"private": True}, {"private": False}, {"tokens": (TOKEN,)}, {"private": True})
    limits = ServeLimits(octets=1500 if kind == 3 else 1 << 20, messages=2)
    service = Service(resolver=Zone(ZONE), limits=limits, **options[kind])  # type: ignore[arg-type]
    made = Server(service)
    made.config.load()
    return made


async def _answered(pieces: list[bytes], server: Server) -> bytes:
    connection = server.config.http_protocol_class(  # type: ignore[call-arg]
        config=server.config, server_state=server.server_state, app_state={}
    )
    wire = _Wire(connection)
    connection.connection_made(wire)
    for piece in pieces:
        if not wire.is_closing():
            connection.data_received(piece)
            await asyncio.sleep(0)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    wire.close()
    await asyncio.sleep(0)
    await asyncio.gather(*server.server_state.tasks)
    await asyncio.sleep(0)
    expect(not server.server_state.connections, "a connection that is lost is forgotten")
    return bytes(wire.written)


def _replies(written: bytes) -> Iterator[Reply]:
    """Read responses; those to HEAD have a length and no body."""
    from tests.serving import Reply

    while written:
        head, blank, written = written.partition(b"\r\n\r\n")
        expect(bool(blank), "a response is whole")
        first, *lines = head.decode().split("\r\n")
        if first.startswith("HTTP/1.1 100"):
            continue
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        length = 0 if written.startswith(b"HTTP/1.1") else int(fields["content-length"])
        body, written = written[:length], written[length:]
        expect(len(body) in {0, length}, "a body is whole")
        yield Reply(int(first.split()[1]), fields, body)


def seeds(target: str) -> Iterator[bytes]:
    """Requests that are in order."""
    pytest.importorskip("jsonschema", reason="jsonschema is not installed (extra: test)")
    pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra: serve)")
    from tests.serving import SIGNED, TOKEN, request

    chunked = {"content_length": "", "transfer_encoding": "chunked"}
    head = request("POST", "/verdict", b"", **chunked)
    requests = [
        request("POST", "/verdict", SIGNED),
        request(
            "POST", "/verdict?max_age=9&recipient=b@example.net", SIGNED, expect="100-continue"
        ),
        head + b"5\r\nFrom:\r\n0\r\n\r\n",
        request("POST", "/authenticate?authserv_id=a&policies=adsp&client=::1&mail_from=", SIGNED),
        request("GET", "/health", None) + request("POST", "/verdict", SIGNED),
        request("GET", "/metrics", None, authorization=f"Bearer {TOKEN.decode()}"),
        request("HEAD", "/openapi.json", None),
        request("GET", "/nothing", None, upgrade="websocket", connection="upgrade"),
    ]
    for number, octets in enumerate(requests * 2):
        yield bytes([number]) + octets


TARGETS: dict[str, Callable[[bytes], None]] = {"serve": serve}
