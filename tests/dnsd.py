"""A real name server on loopback for tests: UDP and TCP on one ephemeral port, in a thread.

``with NameServer(ZONE_TEXT) as server: DnsResolver([server.address])``.  It serves the zone
text (complete names, as a recursive server would answer) and logs each query in
`server.queries`.  A label anywhere in the name makes it misbehave::

    _servfail _refused _formerr    that RCODE            _timeout     no answer
    _lost        no answer to the first of two datagrams
    _delayNNN    NNN ms later                            _tc          truncated over UDP
    _togetherN   not before N names that say so are asked (UDP)
    _garbage     random octets     _malformed   the header fits, the rest is cut off
    _wrongid     another id first, the answer 50 ms later (never over TCP)
    _wrongname   answers another question                _noedns      FORMERR to EDNS
    _halfchain   CNAME records one at a time             _nosoa       negative without SOA
    _foreign     adds records nobody asked for           _lame        refers elsewhere
    _close       TCP closed at once (with _tc)
"""

from __future__ import annotations

import functools
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

_RCODES = {
    "_servfail": dns.rcode.SERVFAIL,
    "_refused": dns.rcode.REFUSED,
    "_formerr": dns.rcode.FORMERR,
}


class Query(NamedTuple):
    """One query as it arrived."""

    transport: str
    name: str
    type: str
    port: int
    flags: int
    edns: int


class NameServer:
    """Serve `zone` until the end of the `with` block.

    `authentic` sets the AD bit for queries that ask for it.  Negative answers below one of
    the names in `apexes` carry its SOA, with a minimum of 60 seconds.
    """

    def __init__(
        self,
        zone: str = "",
        *,
        authentic: bool = False,
        host: str = "127.0.0.1",
        apexes: tuple[str, ...] = ("example.com",),
    ) -> None:
        self._zone = dns.zone.from_text(
            "$TTL 300\n" + zone, origin=dns.name.root, relativize=False, check_origin=False
        )
        self._authentic = authentic
        self._apexes = [dns.name.from_text(apex) for apex in apexes]
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._udp, self._tcp = self._bound(host)
        self.port: int = self._udp.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.queries: list[Query] = []
        self.silent = False  # while set nobody gets an answer
        self._held: dict[str, Callable[[], None]] = {}  # answers of _togetherN, by name
        self._random = random.Random(6376)
        self._threads = [
            threading.Thread(target=loop) for loop in (self._serve_udp, self._serve_tcp)
        ]

    def _bound(self, host: str) -> tuple[socket.socket, socket.socket]:
        for _ in range(50):  # a UDP port whose TCP twin is free as well
            udp = socket.socket(self._family, socket.SOCK_DGRAM)
            tcp = socket.socket(self._family, socket.SOCK_STREAM)
            udp.bind((host, 0))
            try:
                tcp.bind((host, udp.getsockname()[1]))
            except OSError:
                udp.close()
                tcp.close()
                continue
            tcp.listen()
            return udp, tcp
        raise OSError("no port is free for UDP and TCP alike")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(self._family, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self._udp.getsockname())
        with socket.create_connection(self._tcp.getsockname()[:2]):
            pass
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            octets, peer = self._udp.recvfrom(65535)
            if not octets:
                return

            def send(reply: bytes, peer: object = peer) -> None:
                self._udp.sendto(reply, peer)  # type: ignore[arg-type]

            self._serve(octets, "udp", peer[1], send)

    def _serve_tcp(self) -> None:
        while True:
            connection, peer = self._tcp.accept()
            with connection:
                connection.settimeout(2)
                length = connection.recv(2)
                if not length:
                    return
                octets = connection.recv(struct.unpack("!H", length)[0])

                def send(reply: bytes, connection: socket.socket = connection) -> None:
                    framed = struct.pack("!H", len(reply)) + reply
                    for start in range(0, len(framed), 1000):  # in pieces, as networks do
                        connection.sendall(framed[start : start + 1000])

                self._serve(octets, "tcp", peer[1], send)

    def _serve(
        self, octets: bytes, transport: str, port: int, send: Callable[[bytes], None]
    ) -> None:
        query = dns.message.from_wire(octets)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True)
        rrtype = dns.rdatatype.to_text(asked.rdtype)
        self.queries.append(Query(transport, name, rrtype, port, int(query.flags), query.edns))
        labels = set(name.split("."))
        reply, wire = self._reply(query, labels, transport)
        datagrams = [q for q in self.queries if q.name == name and q.transport == "udp"]
        if "_lost" in labels and len(datagrams) % 2:  # the first of two
            return
        if self.silent or "_timeout" in labels or (transport == "tcp" and "_close" in labels):
            return
        if "_garbage" in labels:
            wire = self._random.randbytes(40)
        if "_malformed" in labels:
            wire = wire[:-3]
        if "_wrongid" in labels:
            send(struct.pack("!H", reply.id ^ 1) + wire[2:])
        if together := re.search(r"(?:^|\.)_together(\d+)(?:\.|$)", name):
            self._held[name] = functools.partial(send, wire)
            if len(self._held) < int(together[1]):
                return
            for answer in self._held.values():
                answer()
            self._held.clear()
            return
        delays = [
            int(found[1]) for label in labels if (found := re.fullmatch(r"_delay(\d+)", label))
        ]
        if "_wrongid" in labels:
            delays.append(50)
        if delays and transport == "udp":
            threading.Timer(max(delays) / 1000, send, [wire]).start()
        else:
            time.sleep(max(delays, default=0) / 1000)
            send(wire)

    def _reply(
        self, query: dns.message.Message, labels: set[str], transport: str
    ) -> tuple[dns.message.Message, bytes]:
        reply = dns.message.make_response(query, our_payload=1232)
        reply.flags |= dns.flags.RA
        if self._authentic and query.flags & dns.flags.AD:
            reply.flags |= dns.flags.AD
        self._fill(query, reply, labels)
        if "_wrongname" in labels:
            reply.question[0].name = dns.name.from_text("other.example")
        if transport == "udp" and "_tc" in labels:
            reply.answer = []
            reply.flags |= dns.flags.TC
        size = 65535 if transport == "tcp" else max(512, min(query.payload, 1232))
        try:
            return reply, reply.to_wire(max_size=size)
        except dns.exception.TooBig:
            reply.answer = []
            reply.flags |= dns.flags.TC
            return reply, reply.to_wire()

    def _fill(
        self, query: dns.message.Message, reply: dns.message.Message, labels: set[str]
    ) -> None:
        asked = query.question[0]
        for label, code in _RCODES.items():
            if label in labels:
                reply.set_rcode(code)
                return
        if "_noedns" in labels and query.edns >= 0:
            reply.set_rcode(dns.rcode.FORMERR)
            return
        if "_lame" in labels:
            reply.flags &= ~dns.flags.RA
            reply.authority.append(dns.rrset.from_text("example.", 60, "IN", "NS", "ns.example."))
            return
        if "_foreign" in labels:
            record = dns.rrset.from_text("victim.example.", 60, "IN", "TXT", '"poison"')
            reply.answer.append(record)
        self._look_up(asked, reply, labels)

    def _look_up(
        self, asked: dns.rrset.RRset, reply: dns.message.Message, labels: set[str]
    ) -> None:
        name = asked.name
        for _ in range(30):
            node = self._zone.get_node(name)
            found = None if node is None else node.get_rdataset(dns.rdataclass.IN, asked.rdtype)
            if found is not None:
                reply.answer.append(dns.rrset.from_rdata_list(name, found.ttl, found))
                return
            alias = (
                None if node is None else node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.CNAME)
            )
            if alias is None:
                self._deny(name, node is None, reply, labels)
                return
            reply.answer.append(dns.rrset.from_rdata_list(name, alias.ttl, alias))
            name = alias[0].target
            if "_halfchain" in labels:
                return

    def _deny(
        self, name: dns.name.Name, missing: bool, reply: dns.message.Message, labels: set[str]
    ) -> None:
        if missing and not any(other.is_subdomain(name) for other in self._zone.nodes):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        for apex in self._apexes:
            if "_nosoa" not in labels and name.is_subdomain(apex):
                data = "ns.example. root.example. 1 3600 600 86400 60"
                reply.authority.append(dns.rrset.from_text(apex, 300, "IN", "SOA", data))
