"""Running the service on a listening socket, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from avowal.serve.application import Application
from avowal.serve.connection import HttpConnection, connection_type
from avowal.serve.limits import ANSWER_SECONDS, HEAD_OCTETS, HEAD_SECONDS, MOST_LATE
from avowal.serve.service import LOGGER, Service

_SWEEP_TICKS = 10  # uvicorn's loop ticks ten times a second


class Server(uvicorn.Server):
    """Serves until SIGTERM or SIGINT: then nothing new is taken, and what came is answered.

    `pages` are served instead of the service's own, on the same bounded connections.
    """

    def __init__(
        self,
        service: Service,
        *,
        pages: ASGIApp | None = None,
        on_ready: Callable[[], None] = lambda: None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._service = service
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._swept_at = time.monotonic()
        if pages is None:
            application = Application(service, lambda: len(self.server_state.connections))
            pages = application.asgi()
        config = uvicorn.Config(
            pages,
            http=connection_type(service),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=HEAD_OCTETS,
            timeout_keep_alive=int(HEAD_SECONDS),
            timeout_graceful_shutdown=int(service.limits.seconds + ANSWER_SECONDS),
        )
        super().__init__(config)
        # Its warnings are about single requests, which strangers write; counted instead.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    def serve_on(self, listening: socket.socket) -> None:
        """Serve until told to stop; closes the socket."""
        self.run([listening])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, and say so."""
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections once a second."""
        if counter % _SWEEP_TICKS == 0:
            self._sweep()
        return await super().on_tick(counter)

    def _sweep(self) -> None:
        now = time.monotonic()
        self._service.awake += min(now - self._swept_at, MOST_LATE)
        self._swept_at = now
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpConnection):
                connection.look()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, answer what came."""
        self._service.draining = True
        self._on_stop()
        LOGGER.info("stopping: requests that came are answered")
        sweeping = asyncio.get_running_loop().create_task(self._swept())
        try:
            await super().shutdown(sockets)
        finally:
            sweeping.cancel()

    async def _swept(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._sweep()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop by SIGTERM and SIGINT, and end with status 0: uvicorn raises them again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
                loop.add_signal_handler(number, self.stop)
        yield

    def stop(self) -> None:
        """Begin to stop; from the event loop."""
        self.should_exit = True
