"""The transport of an MTA's connection: made, held back while the MTA does not read, closed."""

from __future__ import annotations

import asyncio
import socket
from typing import Final, cast

from avowal.milter.admission import host_of

_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux
_PAUSE_AT = 1 << 17  # octets of answers the MTA does not read before we stop reading


class MtaTransport(asyncio.Protocol):
    """What a connection does with octets, whatever they mean."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock if sock.family != socket.AF_UNIX and _QUICKACK is not None else None
        self._transport: asyncio.Transport | None = None
        self.peer = host_of(sock)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream socket's; uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_PAUSE_AT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def acknowledge_at_once(self) -> None:
        """Acknowledge what came: MTAs that write a message piece by piece wait 40 ms for each.

        The kernel turns it off again by itself.
        """
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)  # type: ignore[arg-type] # not None

    def write(self, octets: bytes) -> None:
        """Send octets, where there are some and somebody is there."""
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def close(self) -> None:
        """Close after what was written is sent."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
