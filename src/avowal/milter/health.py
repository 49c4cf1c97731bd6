"""The small HTTP end of the daemon: /metrics, /healthz, /readyz, and nothing more.

Any worker answers, for the listening socket is shared like the others: when none can, that
is the answer.  One request per connection, bounded in octets and time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

from avowal.milter.descriptors import PAGES
from avowal.milter.journal import LOGGER

_REQUEST_OCTETS = 8 << 10
_SECONDS = 5.0
_PHRASES = {
    200: "OK",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Failed",
    503: "Service Unavailable",
}
_PLAIN = "text/plain; charset=utf-8"


class PageReply(NamedTuple):
    """Status, type and octets of an answer."""

    status: int
    body: bytes
    type: str = _PLAIN


Pages = dict[str, Callable[[], PageReply]]


class Visitors:
    """The connections that are open: at most `PAGES`; the oldest gives way to another one."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Transport, None] = {}

    def come(self, transport: asyncio.Transport) -> None:
        """Note one that came."""
        self._open[transport] = None
        if len(self._open) > PAGES:
            oldest = next(iter(self._open))
            self.gone(oldest)
            oldest.abort()

    def gone(self, transport: asyncio.Transport) -> None:
        """Forget one."""
        self._open.pop(transport, None)


class HealthProtocol(asyncio.Protocol):
    """Answers one request and closes."""

    def __init__(self, pages: Pages, visitors: Visitors | None = None) -> None:
        self._pages = pages
        self._visitors = visitors or Visitors()
        self._request = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream socket's; uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = stream = cast("asyncio.Transport", transport)
        # Whoever does not read the answer is not waited for either.
        self._timer = asyncio.get_running_loop().call_later(_SECONDS, stream.abort)
        self._visitors.come(stream)

    def data_received(self, data: bytes) -> None:
        self._request += data
        if self._transport is None or self._transport.is_closing():
            return
        if b"\r\n\r\n" in self._request or b"\n\n" in self._request:
            self._transport.write(answer(self._request, self._pages))
            self._transport.close()
        elif len(self._request) > _REQUEST_OCTETS:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._visitors.gone(self._transport)
        if self._timer is not None:
            self._timer.cancel()


def answer(request: bytes, pages: Pages) -> bytes:
    """Return the whole response to a request."""
    line = request.split(b"\n", 1)[0].split()
    method, target = (line[0], line[1]) if len(line) > 1 else (b"", b"")
    page = pages.get(target.split(b"?", 1)[0].decode("ascii", "replace"))
    if method not in {b"GET", b"HEAD"}:
        reply = PageReply(405, b"only GET\n")
    elif page is None:
        reply = PageReply(404, ("try " + " ".join(pages) + "\n").encode())
    else:
        reply = _made(page)
    head = (
        f"HTTP/1.1 {reply.status} {_PHRASES[reply.status]}\r\nContent-Type: {reply.type}\r\n"
        f"Content-Length: {len(reply.body)}\r\nConnection: close\r\n\r\n"
    ).encode()
    return head if method == b"HEAD" else head + reply.body


def _made(page: Callable[[], PageReply]) -> PageReply:
    try:
        return page()
    except Exception:  # noqa: BLE001 - the last resort of a face: logged, and answered
        LOGGER.exception("a page of the HTTP end failed")
        return PageReply(500, b"see the log\n")
