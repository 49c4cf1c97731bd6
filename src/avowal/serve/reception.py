"""One message on its way in: examined chunk by chunk, its questions asked while it arrives.

What is held of it is its header, up to the limits; the body passes.
"""

from __future__ import annotations

import asyncio

from avowal.agenda import Agenda, Rank, shares_of
from avowal.calls.connection import Connection
from avowal.dns.drivers import adrive
from avowal.examine.examination import Examination
from avowal.examine.findings import Findings, Receiver, Want
from avowal.header_reader import HeaderReader
from avowal.line_ends import LineEnds, wire_form
from avowal.lookup import AsyncResolver
from avowal.message import Header


class Reception:
    """Takes the octets of one message; `finish` gives what was found of it.

    Raises nothing for any octets and any answers.  `close` has to be called at the end.
    """

    def __init__(
        self,
        receiver: Receiver,
        want: Want,
        resolver: AsyncResolver,
        connection: Connection,
        *,
        line_ends: LineEnds,
        now: int,
    ) -> None:
        self._receiver = receiver
        self._want = want
        self._resolver = resolver
        self._connection = connection
        self._now = now
        self._form = wire_form(line_ends)
        self._reader = HeaderReader(limits=receiver.limits)
        self._agenda = Agenda(shares_of(receiver.limits))
        self._examination: Examination | None = None
        self._asking: asyncio.Task[float] | None = None
        self._wanted = True

    def feed(self, octets: bytes) -> None:
        """Take the next octets."""
        self._take(octets if self._form is None else self._form.feed(octets))

    def _take(self, octets: bytes) -> None:
        if self._examination is None:
            body = self._reader.feed(octets)
            if body is None or self._reader.header is None:
                return
            self._examination = self._begun(self._reader.header)
            octets = body
        if self._wanted:
            self._wanted = self._examination.feed(octets)

    def _begun(self, header: Header) -> Examination:
        limits = self._receiver.limits
        examination = Examination(
            header,
            self._receiver,
            self._want,
            now=self._now,
            agenda=self._agenda,
            envelope=self._connection.envelope(header, limits),
        )
        self._wanted = examination.wants_body
        driving = adrive(self._agenda, self._resolver, seconds=limits.dns_seconds)
        self._asking = asyncio.get_running_loop().create_task(driving)
        return examination

    async def finish(self) -> tuple[Header, Findings]:
        """End the message; return its header and what was found."""
        if self._form is not None:
            self._take(self._form.finish())
        header = self._reader.finish()
        header.lone_cr = self._form is not None and self._form.lone_cr
        examination = self._examination or self._begun(header)
        self._examination = examination
        left = 0.0 if self._asking is None else await self._asking
        slot = self._agenda.add(examination.finish(), Rank.POLICY)
        if not slot.done:
            await adrive(self._agenda, self._resolver, seconds=left)
        return header, slot.value

    def close(self) -> None:
        """Ask nothing any more."""
        if self._asking is not None:
            self._asking.cancel()
