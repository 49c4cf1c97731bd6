"""From the replies to one question to its answer: aliases, TTLs, negative answers.

Only records at the name that was asked, or at a name its aliases lead to, are looked at;
whatever else a server adds is passed over.
"""

from __future__ import annotations

from avowal.dns import reply
from avowal.dns.reply import DnsReply, ResourceRecord
from avowal.dns.wirename import Malformed
from avowal.lookup import Answer, Failure, Outcome

MAX_ALIASES = 10
_MAX_TTL = 2**31 - 1  # RFC 2181 §8
_ANSWERED = frozenset((reply.NOERROR, reply.NXDOMAIN))
_FAILURES = {
    reply.SERVFAIL: Failure.SERVER_FAILURE,
    reply.REFUSED: Failure.REFUSED,
    reply.NOTAUTH: Failure.REFUSED,
}


def read(octets: bytes) -> DnsReply | Failure:
    """Read a reply; a Failure when it cannot be read or says that there is no answer."""
    try:
        message = DnsReply.parse(octets)
    except Malformed:
        return Failure.MALFORMED
    if message.rcode not in _ANSWERED:
        return _FAILURES.get(message.rcode, Failure.SERVER_FAILURE)
    if not message.answer and not message.flags & (reply.RA | reply.AA):
        # A referral or shrug of a server that does not recurse: it knows nothing.
        return Failure.REFUSED
    return message


class Chain:
    """One question on its way along CNAME records (RFC 1034 §3.6.2).

    `name` is the name to ask about now, in wire form.
    """

    __slots__ = ("_rrtype", "_secure", "_seen", "_ttl", "name")

    def __init__(self, name: bytes, rrtype: int) -> None:
        self.name = name.lower()
        self._rrtype = rrtype
        self._seen = {self.name}
        self._ttl = _MAX_TTL
        self._secure = True

    def take(self, message: DnsReply, *, trusted: bool) -> Answer | None:
        """Take a reply about `name`; None means that the new `name` has to be asked about."""
        try:
            return self._take(message, trusted=trusted)
        except Malformed:
            return Answer.failed(Failure.MALFORMED)

    def _take(self, message: DnsReply, *, trusted: bool) -> Answer | None:
        # RFC 6840 §5.8: the AD bit covers answer and authority sections.
        self._secure &= trusted and bool(message.flags & reply.AD)
        start = self.name
        found = self._at(message, self._rrtype)
        while not found:
            aliases = self._at(message, reply.CNAME)
            if not aliases:
                return self._negative(message, moved=start != self.name)
            self._lower_ttl(aliases)
            self.name = message.target(aliases[0])
            if self.name in self._seen or len(self._seen) > MAX_ALIASES:
                # A circle has no end to answer from; recursive servers say SERVFAIL too.
                return Answer.failed(Failure.SERVER_FAILURE)
            self._seen.add(self.name)
            found = self._at(message, self._rrtype)
        self._lower_ttl(found)
        records = dict.fromkeys(map(message.presentation, found))  # a set, RFC 2181 §5
        return Answer.found(*records, ttl=self._ttl, secure=self._secure)

    def _at(self, message: DnsReply, rrtype: int) -> list[ResourceRecord]:
        return [r for r in message.answer if r.type == rrtype and r.name == self.name]

    def _lower_ttl(self, records: list[ResourceRecord]) -> None:
        """One TTL for a set, and for the way to it: the smallest (RFC 2181 §5.2)."""
        self._ttl = min(self._ttl, *(record.ttl for record in records))

    def _negative(self, message: DnsReply, *, moved: bool) -> Answer | None:
        """Tell a negative answer from an alias whose end the server left out."""
        authority = [
            record
            for record in message.authority
            if record.type == reply.SOA and reply.is_within(self.name, record.name)
        ]
        refused = message.rcode == reply.NXDOMAIN  # about the last name (RFC 6604 §3)
        if moved and not authority and not refused:
            return None
        # Without a SOA a negative answer should not be cached (RFC 2308 §5).
        ttl = 0
        for record in authority:
            ttl = min(self._ttl, record.ttl, message.minimum(record))
        outcome = Outcome.NO_NAME if refused else Outcome.NO_DATA
        return Answer(outcome=outcome, ttl=ttl, secure=self._secure)
