"""A real SMTP server on loopback that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller


class Sink:
    """Keeps the octets of each message, as they came."""

    def __init__(self) -> None:
        self.octets: list[bytes] = []
        self.options: list[list[str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.octets.append(envelope.original_content)
        self.options.append(envelope.mail_options)
        return "250 kept"


class Server(Controller):
    port: int

    def __init__(self) -> None:
        self.sink = Sink()
        super().__init__(self.sink, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True)

    def _trigger_server(self) -> None:  # aiosmtpd connects to the port that was given
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.start()
    try:
        yield made
    finally:
        made.stop()
