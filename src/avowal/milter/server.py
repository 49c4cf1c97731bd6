"""One worker: accepts connections on shared sockets, serves them, and ends in good order.

A worker takes one connection at a time from the kernel's queue, so that the workers share
the load, and none at all while it is full: what waits is taken by another worker.

A milter connection lives as long as an SMTP session.  An MTA whose connection is closed
between two messages of a session takes that for a failure and defers the next one: so a
worker that ends takes no more connections, and serves those it has until the MTA quits.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Sequence

from avowal.config.model import Role
from avowal.milter.admission import giving_way
from avowal.milter.connection import Connection
from avowal.milter.health import HealthProtocol, PageReply, Pages, Visitors
from avowal.milter.journal import LOGGER
from avowal.milter.meters import CONTENT_TYPE
from avowal.milter.service import Service

LAST_SECONDS = 3.0
"""For messages under way when the time of their sessions is over."""
_SWEEP_SECONDS = 5.0
_PAUSE_SECONDS = 0.5  # after the kernel refused a connection for want of descriptors
Factory = Callable[[socket.socket], asyncio.Protocol]


class Acceptor:
    """Takes connections from one listening socket."""

    def __init__(self, listening: socket.socket, factory: Factory) -> None:
        self._listening = listening
        self._factory = factory
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._on = False
        self._closed = False

    def resume(self) -> None:
        """Take connections."""
        if not self._on and not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._accept)
            self._on = True

    def pause(self) -> None:
        """Leave connections to other workers."""
        if self._on:
            self._loop.remove_reader(self._listening.fileno())
            self._on = False

    def close(self) -> None:
        """Never take another one; the queue belongs to those who inherited the socket too."""
        self.pause()
        self._closed = True
        self._listening.close()

    async def settled(self) -> None:
        """Wait until whatever was taken from the queue is a connection of the service."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return  # another worker was faster, or the client went away
        except OSError as error:
            LOGGER.error("no connection can be accepted: %s", error.strerror)
            self.pause()
            self._loop.call_later(_PAUSE_SECONDS, self.resume)
            return
        accepted.setblocking(False)
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(lambda: self._factory(accepted), accepted)
        )
        self._tasks.add(task)
        task.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOGGER.warning("a connection was lost at once: %s", task.exception())


class MilterServer:
    """Serves listening sockets, each with its role, until told to stop.

    `sockets` are this process' own descriptors: the server closes them.  `health` is the
    socket of the HTTP end, if there is one.
    """

    def __init__(
        self,
        service: Service,
        sockets: Sequence[tuple[socket.socket, Role]],
        health: socket.socket | None = None,
    ) -> None:
        self._service = service
        self._acceptors: list[Acceptor] = []
        self._sockets = sockets
        self._health = health
        self._health_acceptor: Acceptor | None = None
        self._gone = asyncio.Event()
        service.on_room = self._on_room

    def start(self) -> None:
        """Begin to take connections."""
        for listening, role in self._sockets:

            def connection(accepted: socket.socket, role: Role = role) -> asyncio.Protocol:
                return Connection(self._service, role, accepted)

            self._acceptors.append(Acceptor(listening, connection))
        if self._health is not None:
            pages, visitors = self._pages(), Visitors()

            def visit(accepted: socket.socket) -> asyncio.Protocol:
                return HealthProtocol(pages, visitors)

            self._health_acceptor = Acceptor(self._health, visit)
            self._health_acceptor.resume()
        for acceptor in self._acceptors:
            acceptor.resume()

    def _pages(self) -> Pages:
        return {
            "/metrics": lambda: PageReply(200, self._service.meters.text(), CONTENT_TYPE),
            "/healthz": lambda: PageReply(200, b"alive\n"),
            "/readyz": self._readiness,
        }

    def _readiness(self) -> PageReply:
        if self._service.draining:
            return PageReply(503, b"stopping\n")
        return PageReply(200, b"ready\n")

    def watch(self) -> None:
        """Look after the connections, now and then: full or not, silent for too long."""
        service, now = self._service, time.monotonic()
        for unspoken in service.admission.late(now):
            service.let_go(unspoken, "not negotiated")
        before = now - service.options.idle
        for connection in [c for c in service.open if c.active_at < before]:
            service.let_go(connection, "silent")
        self._make_room()
        if service.let_go_since:
            LOGGER.warning(
                "%d connections closed: silent, or too many at once", service.let_go_since
            )
            service.let_go_since = 0

    def _make_room(self) -> None:
        """Let go of a connection that is of no use, while others wait for its place."""
        service = self._service
        if service.full and not service.draining:
            less = giving_way(service.open, time.monotonic())
            if less is not None:
                service.let_go(less, "gave way")

    async def watched(self) -> None:
        """Look after the connections until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.watch()

    def _on_room(self) -> None:
        """A connection came or went."""
        if self._service.full:
            for acceptor in self._acceptors:
                acceptor.pause()
            self._make_room()
        elif not self._service.draining:
            for acceptor in self._acceptors:
                acceptor.resume()
        if not self._service.open:
            self._gone.set()

    async def retire(self, seconds: float) -> None:
        """Take no more connections; serve those that are open until the MTA quits.

        After `seconds` the worker still serves what is open: `finish` ends it.
        """
        await self.stop_accepting()
        await self._emptied(seconds)

    async def drain(self, seconds: float) -> None:
        """The same, and then the end."""
        self._service.draining = True
        await self.retire(seconds)
        await self.finish(min(seconds, LAST_SECONDS))

    async def finish(self, seconds: float) -> None:
        """Close connections that are between messages; the others once theirs is answered.

        The time of the SMTP sessions is over.  What is not answered within `seconds` is cut
        off: the MTA keeps that message.
        """
        service = self._service
        service.draining = service.finishing = True
        between = [one for one in service.open if not one.in_message]
        if between:
            LOGGER.warning(
                "%d connections closed between messages: their time was over", len(between)
            )
        for connection in between:
            connection.close()
        await self._emptied(seconds)
        left = sum(one.in_message for one in service.open)
        if left:
            LOGGER.warning("stopped with %d messages unfinished: the MTA keeps them", left)
        for connection in list(service.open):
            connection.abort()

    async def stop_accepting(self) -> None:
        """Leave the queue to others; what was taken from it is served."""
        for acceptor in self._acceptors:
            acceptor.close()
        if self._health_acceptor is not None:
            self._health_acceptor.close()
        for acceptor in self._acceptors:
            await acceptor.settled()

    async def _emptied(self, seconds: float) -> None:
        """Wait until no connection is open, but not for ever."""
        self._gone.clear()
        if self._service.open:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gone.wait(), seconds)
