"""One question to one name server: over UDP, then TCP, then without EDNS, as it needs."""

from __future__ import annotations

from typing import NamedTuple

from avowal.dns import wire
from avowal.dns.chain import read
from avowal.dns.reply import DnsReply
from avowal.dns.transport import Server, Talk, over_tcp, over_udp
from avowal.lookup import Failure

# RFC 6891 §6.2.5 leaves the size open; 1232 octets travel unfragmented everywhere.
PAYLOAD = 1232


class Way(NamedTuple):
    """How servers are asked.

    `payload` is the EDNS size in octets, `tcp` leaves UDP out, `resend` are the seconds until
    a datagram without an answer is sent again, `recursion` is the RD bit.  `unchecked` is the CD
    bit: a resolver is to answer although DNSSEC says that the answer is forged (RFC 4035 §3.2.2).
    """

    resend: float = 1.0
    tcp: bool = False
    payload: int = PAYLOAD
    recursion: bool = True
    unchecked: bool = False

    def exchange(
        self, server: Server, name: bytes, rrtype: int, until: float
    ) -> Talk[DnsReply | Failure]:
        """Ask one server, over TCP when UDP was not enough (RFC 7766 §5)."""
        for payload in (self.payload, None):
            query = wire.query(
                name,
                rrtype,
                payload=payload,
                recursion=self.recursion,
                unchecked=self.unchecked,
            )
            reply: bytes | Failure | None = None
            if not self.tcp:
                reply = yield from over_udp(server, query, wire.belongs, until, resend=self.resend)
            if reply is None or (isinstance(reply, bytes) and wire.truncated(reply)):
                reply = yield from over_tcp(server, query, wire.belongs, until)
            if isinstance(reply, Failure):
                return reply
            if wire.rcode(reply) not in {wire.FORMERR, wire.NOTIMP}:
                return read(reply)
            # A server from before EDNS: ask again without (RFC 6891 §7).
        return Failure.SERVER_FAILURE
