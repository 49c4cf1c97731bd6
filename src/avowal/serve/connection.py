"""One HTTP connection: uvicorn's, bounded where uvicorn leaves a client all the time it wants.

A request that does not come, or never ends, and a client that does not read its answer keep
a connection for so long only; `look` is called for each of them now and then.  What cannot be
understood as HTTP is answered as every other problem.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from avowal.serve.limits import ANSWER_SECONDS, HEAD_SECONDS, LINGER_SECONDS, SPARE
from avowal.serve.refusals import Refusal, Refused
from avowal.serve.service import Service

_ANSWERABLE: Final = (h11.IDLE, h11.SEND_RESPONSE)
_WHOLE: Final = (h11.DONE, h11.MUST_CLOSE)


def connection_type(service: Service) -> type[asyncio.Protocol]:
    """Return the connections of a service, as a type that uvicorn makes them of."""

    class ServedConnection(HttpConnection):
        shared = service

    return ServedConnection


class HttpConnection(H11Protocol):
    """A connection of `shared`, a service."""

    shared: Service

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._since = self.shared.awake
        self._begun = False  # octets of the request that is waited for have come
        self._ending = False
        self._heard_all = False

    def connection_made(self, transport: Any) -> None:
        """Take the connection, or say at once that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.shared.limits.connections:
            self.shared.meters.closed += 1
            self._end(Refused(Refusal.BUSY, "too many connections are open"))

    def data_received(self, data: bytes) -> None:
        """Take octets, unless the connection is over."""
        if self._ending:
            return
        self._begun = True
        waiting = self._waiting
        super().data_received(data)
        if waiting and not self._waiting:
            self._since = self.shared.awake

    def eof_received(self) -> Any:
        """Keep the connection of a client that has sent all it wants to, until it is answered."""
        self._heard_all = True
        return not self._ending and self.conn.their_state in _WHOLE

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._since = self.shared.awake
        self._begun = False
        super().on_response_complete()
        if self._heard_all and self._waiting:
            self.transport.close()

    @property
    def _waiting(self) -> bool:
        """Whether no request is under way."""
        return self.conn.their_state is h11.IDLE

    def look(self) -> None:
        """End what takes too long."""
        taken = self.shared.awake - self._since
        most = self.shared.limits.seconds + ANSWER_SECONDS
        if self._ending or self.transport.is_closing() or not self._waiting:
            if taken > (LINGER_SECONDS if self._ending else most):
                self.shared.meters.closed += not self._ending
                self.transport.abort()
        elif taken > HEAD_SECONDS:
            self.shared.meters.closed += 1
            slow = Refused(Refusal.TOO_SLOW, f"no request after {HEAD_SECONDS:.0f} seconds")
            self._end(slow if self._begun else None)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._end(Refused(Refusal.BAD_REQUEST, "this is no request of HTTP/1.1"))

    def _end(self, refused: Refused | None) -> None:
        """Say why, where something can be said, and close once the client has read it."""
        self._ending = True
        self._since = self.shared.awake
        if refused is not None:
            self.shared.meters.response("other", refused.refusal.status)
            self.shared.meters.refused(refused.refusal)
            room = len(self.connections) <= self.shared.limits.connections + SPARE
            if self.conn.our_state in _ANSWERABLE:
                self.transport.write(refused.octets)
                if room and self.transport.can_write_eof():
                    # What a client still sends is let go: closed at once, it would be reset
                    # before it has read the answer.
                    self.transport.write_eof()
                    return
        self.transport.close()
