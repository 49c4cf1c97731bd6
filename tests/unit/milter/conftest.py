"""A daemon's worker inside the test: real sockets, no processes, DNS from a zone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.mta.client import MtaClient
from tests.mta.session import Outcome, Transaction
from tests.mta.spool import POSTFIX, Flavour

from avowal.config.model import Configuration, Key, Listener, Log, Role, Server
from avowal.config.places import NOWHERE
from avowal.crypto.signing import PrivateKey, generate
from avowal.flow.compiler import compile_plan
from avowal.flow.plan import Plan
from avowal.keys.records import record_text
from avowal.lookup import AsyncResolver
from avowal.milter.flow_filter import FlowFilter
from avowal.milter.server import MilterServer
from avowal.milter.service import Filter, Service
from avowal.milter.sockets import open_listener
from avowal.testing import Zone

MESSAGE = (
    b"From: a@sender.example\r\nTo: b@receiver.example\r\nSubject: one\r\n\ttwo\r\n"
    b"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <m@sender.example>\r\n\r\nbody\r\n"
)
QUIET = Log(success=False)


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return generate("ed25519")


@pytest.fixture
def zone(key: PrivateKey) -> Zone:
    return Zone({"s._domainkey.sender.example": record_text(key)})


@pytest.fixture
def plan(key: PrivateKey) -> Callable[..., Plan]:
    """Compile a configuration that signs for sender.example with the key."""

    def compiled(**options: Any) -> Plan:
        configuration = Configuration(
            keys={"k": Key(domain="sender.example", selector="s", inline="here")},
            **{"log": QUIET, **options},
        )
        return compile_plan(configuration, NOWHERE, load=lambda *_: key)

    return compiled


class Running:
    """A worker's server on a socket, and clients for it."""

    def __init__(self, address: str, server: MilterServer, service: Service) -> None:
        self.address = address
        self.server = server
        self.service = service

    async def client(self, flavour: Flavour = POSTFIX) -> MtaClient:
        return await asyncio.to_thread(MtaClient.connected, self.address, flavour=flavour)

    async def send(self, octets: bytes = MESSAGE, **others: Any) -> Outcome:
        """Send one message over a connection of its own."""

        def talk() -> Outcome:
            with MtaClient.connected(self.address) as mta:
                return mta.send(Transaction.of(octets, **others))

        return await asyncio.to_thread(talk)

    async def raw(self) -> socket.socket:
        """Open a connection that speaks whatever it likes."""

        def connected() -> socket.socket:
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            opened.connect(self.address.removeprefix("unix:"))
            opened.settimeout(60)
            return opened

        return await asyncio.to_thread(connected)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something that is about to be."""
        for _ in range(6000):
            if true():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it did not come about within a minute")


Serve = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path, zone: Zone) -> Serve:
    """Run a server for a filter or plan while the block lasts."""

    @asynccontextmanager
    async def serving(
        served: Plan | Filter,
        resolver: AsyncResolver | None = None,
        *,
        role: Role = "both",
        options: Server | None = None,
        **others: Any,
    ) -> AsyncIterator[Running]:
        address = f"unix:{tmp_path / 'milter.sock'}"
        listening = open_listener(Listener(socket=address))
        filter_ = FlowFilter(served) if isinstance(served, Plan) else served
        service = Service(
            filter=filter_, resolver=resolver or zone, options=options or Server(), **others
        )
        server = MilterServer(service, [(listening.socket, role)])
        server.start()
        try:
            yield Running(address, server, service)
        finally:
            await server.drain(0)
            listening.close()

    return serving


Sending = Callable[[bytes], Awaitable[Outcome]]
