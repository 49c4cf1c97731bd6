"""The HTTP service under test: run in the test's own loop, asked with raw octets.

Whoever imports this has to skip before where starlette or uvicorn is missing:
``pytest.importorskip("starlette")``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from jsonschema import Draft202012Validator
from tests.crafting import SIGNED_AT, craft

from avowal.lookup import AsyncResolver
from avowal.serve import openapi
from avowal.serve.limits import ServeLimits
from avowal.serve.server import Server
from avowal.serve.service import Service
from avowal.testing import ED25519, Zone, message, record_for

TOKEN: Final = b"t0ken-of-the-tests-and-nobody-else"
SIGNED: Final = craft(message(), tags={"h": "from:to:subject:date:mime-version:content-type"})
ZONE: Final[dict[str, Any]] = {
    "s1._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
}
MESSAGE_TYPE: Final = "message/rfc822"


class Reply(NamedTuple):
    """A response as it came."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def object(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.body)
        return made


class Running(NamedTuple):
    """A service that runs, and where."""

    path: Path
    service: Service
    server: Server

    async def ask(self, octets: bytes, *, pieces: int = 1 << 16) -> Reply | None:
        """Send octets and return the answer; None where the connection was closed without."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        try:
            with contextlib.suppress(ConnectionError):
                for at in range(0, len(octets), pieces):
                    writer.write(octets[at : at + pieces])
                    await writer.drain()
            return await read_reply(reader)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def post(self, target: str, octets: bytes = SIGNED, **fields: str) -> Reply:
        reply = await self.ask(request("POST", target, octets, **fields))
        assert reply is not None
        return reply

    async def get(self, target: str, **fields: str) -> Reply:
        reply = await self.ask(request("GET", target, None, **fields))
        assert reply is not None
        return reply


def request(method: str, target: str, octets: bytes | None, **fields: str) -> bytes:
    """Write a request; names of fields have _ for -, and an empty value leaves one out."""
    given = {"host": "localhost"}
    if octets is not None:
        given |= {"content-type": MESSAGE_TYPE, "content-length": str(len(octets))}
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items() if v)]
    return "\r\n".join([*lines, "", ""]).encode() + (octets or b"")


async def read_reply(reader: asyncio.StreamReader) -> Reply | None:
    """Read a response; None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip("\r\n").split("\r\n")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        status = int(first.split()[1])
        if status == 100:
            return await read_reply(reader)
        body = await reader.readexactly(int(fields.get("content-length", "0")))
    except (asyncio.IncompleteReadError, OSError):
        return None
    return Reply(status, fields, body)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, while the service goes on."""
    while not holds():  # noqa: ASYNC110 - the service has no event for it
        await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, resolver: AsyncResolver | None = None, now: int = SIGNED_AT + 60,
    limits: ServeLimits | None = None, **options: Any,
) -> AsyncIterator[Running]:  # fmt: skip
    """Run a service on a unix socket; by default as one that its mode protects."""
    service = Service(
        resolver=resolver or Zone(ZONE),
        limits=limits or ServeLimits(),
        clock=lambda: now,
        **{"private": True, **options},
    )
    listening = socket.socket(socket.AF_UNIX)
    path = folder / "s"
    listening.bind(str(path))
    ready = asyncio.Event()
    server = Quiet(service, on_ready=ready.set)
    task = asyncio.create_task(server.serve([listening]))
    try:
        await asyncio.wait((asyncio.create_task(ready.wait()), task), return_when="FIRST_COMPLETED")
        yield Running(path, service, server)
    finally:
        server.stop()
        await task


class Quiet(Server):
    """A server that leaves the signals of the tests alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@lru_cache(maxsize=1)
def _documented() -> dict[tuple[str, str, str, str], Draft202012Validator | None]:
    document: Any = json.loads(json.dumps(openapi.document("0")))
    found: dict[tuple[str, str, str, str], Draft202012Validator | None] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                for kind, content in response["content"].items():
                    schema = {**content["schema"], "components": document["components"]}
                    checks = Draft202012Validator(schema) if kind.endswith("json") else None
                    found[method, path, status, kind] = checks
    return found


def check_documented(method: str, path: str, reply: Reply) -> None:
    """Hold an answer against the service's own document."""
    kind = reply.fields["content-type"].partition(";")[0]
    documented = _documented()
    if (method.lower(), path) not in {key[:2] for key in documented}:  # no such page
        assert reply.status in {400, 404, 405, 408, 503}
        method, path = "post", "/verdict"
    validator = documented[method.lower(), path, str(reply.status), kind]
    if validator is not None:
        validator.validate(reply.object)


def check_documented_somewhere(reply: Reply) -> None:
    """Hold an answer to nobody knows which request against the document."""
    kind = reply.fields["content-type"].partition(";")[0]
    keys = [key for key in _documented() if key[2:] == (str(reply.status), kind)]
    assert keys, (reply.status, kind)
    validators = [_documented()[key] for key in keys]
    if reply.body and None not in validators:
        assert any(one is not None and one.is_valid(reply.object) for one in validators), reply
