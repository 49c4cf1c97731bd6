"""Asking the name servers of a zone themselves, each one, without anybody's cache.

A resolver asks whichever server answers first.  Whoever wants to know what *every* verifier
will be told has to ask each of them: they may lag, differ, or not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from avowal.dns import reply, servers, wire
from avowal.dns.chain import Chain
from avowal.dns.exchange import Way
from avowal.dns.reply import DnsReply
from avowal.dns.transport import Server, Talk, drive
from avowal.dns.wirename import Malformed
from avowal.lookup import NO_NAME, Answer, Failure, Question, Told

_AT_ONCE = 32  # sockets


class NameServers:
    """Asks servers by their addresses, all at the same time, each `timeout` seconds.

    A lost datagram is sent again after a second; `port` is that of every server.
    """

    def __init__(self, *, port: int = 53, timeout: float = 5.0) -> None:
        self._port = port
        self._timeout = timeout
        self._way = Way(recursion=False)

    def ask(self, addresses: Sequence[str], question: Question) -> tuple[Told, ...]:
        """Return what each server says, in order; a server that says nothing has failed.

        Raises ResolverSetupError for what is no numeric address.
        """
        if not addresses:
            return ()
        asked = servers.given(addresses, port=self._port, trust_ad=False)
        until = monotonic() + self._timeout
        talks = [self._told(server, question, until) for server in asked]
        return drive(talks, at_once=_AT_ONCE)

    def _told(self, server: Server, question: Question, until: float) -> Talk[Told]:
        name, rrtype = wire.name_octets(question.name), wire.rrtype(question.type)
        if name is None or rrtype is None:
            return Told(answer=NO_NAME)  # nothing that a server could be asked
        message = yield from self._way.exchange(server, name, rrtype, until)
        if isinstance(message, Failure):
            return Told(answer=Answer.failed(message))
        return _read(message, name.lower(), rrtype)


def _read(message: DnsReply, name: bytes, rrtype: int) -> Told:
    chain = Chain(name, rrtype)
    try:
        alias = _alias(message, name, rrtype)
    except Malformed:
        return Told(answer=Answer.failed(Failure.MALFORMED))
    answer = chain.take(message, trusted=False)
    return Told(answer=answer, authoritative=bool(message.flags & reply.AA), alias=alias)


def _alias(message: DnsReply, name: bytes, rrtype: int) -> str | None:
    """Return where the CNAME at a name leads; None for what has none, or was asked for it."""
    if rrtype == reply.CNAME:
        return None
    for record in message.answer:
        if record.type == reply.CNAME and record.name == name:
            return message.presentation(record).decode("ascii").lower()
    return None
