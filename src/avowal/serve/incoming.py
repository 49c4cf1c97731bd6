"""The body of a request as it comes in: bounded in octets and time, refused while it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from avowal.serve.limits import LINGER_SECONDS
from avowal.serve.refusals import Refusal, Refused


class Incoming:
    """The body of one request, read once."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False
        self.octets = 0

    async def chunks(self, most: int) -> AsyncIterator[bytes]:
        """Yield the body.  Raises Refused beyond `most` octets, ClientDisconnect."""
        while not self._complete:
            chunk = await self._next()
            if self.octets > most:
                raise Refused(Refusal.TOO_LARGE, f"the message has more than {most} octets")
            yield chunk

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._complete = True
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        self._complete = not message.get("more_body", False)
        self.octets += len(chunk)
        return chunk

    async def discard(self) -> None:
        """Let go of the rest: a client that sends does not read until it has sent."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._complete:
                    await self._next()
        except (TimeoutError, ClientDisconnect):
            return


class LastResponse(Response):
    """Ends a request early: what still comes in is let go before the connection ends."""

    def __init__(
        self, body: bytes, status: int, fields: Mapping[str, str], incoming: Incoming
    ) -> None:
        super().__init__(body, status, fields)
        self._incoming = incoming

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, whole, and end it when the client has read it."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await self._incoming.discard()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class ProblemResponse(LastResponse):
    """Tells a refusal."""

    def __init__(self, refused: Refused, incoming: Incoming) -> None:
        super().__init__(refused.body, refused.refusal.status, refused.fields, incoming)
