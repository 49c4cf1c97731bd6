"""From the replies to one question to its answer: aliases, TTLs, negative answers.

Reads replies with dnspython.  Only records at the name that was asked, or at a name its
aliases lead to, are looked at; whatever else a server adds is passed over.
"""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset

from avowal.lookup import Answer, Failure, Outcome

MAX_ALIASES = 10
_MAX_TTL = 2**31 - 1  # RFC 2181 §8
_ANSWERED = {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
_FAILURES = {
    dns.rcode.SERVFAIL: Failure.SERVER_FAILURE,
    dns.rcode.REFUSED: Failure.REFUSED,
    dns.rcode.NOTAUTH: Failure.REFUSED,
}


def read(reply: bytes) -> dns.message.Message | Failure:
    """Read a reply; a Failure when it cannot be read or says that there is no answer."""
    try:
        message = dns.message.from_wire(reply)
    except (dns.exception.DNSException, ValueError):
        return Failure.MALFORMED
    code = message.rcode()
    if code not in _ANSWERED:
        return _FAILURES.get(code, Failure.SERVER_FAILURE)
    if not message.answer and not message.flags & (dns.flags.RA | dns.flags.AA):
        # A referral or shrug of a server that does not recurse: it knows nothing.
        return Failure.REFUSED
    return message


def presentation(record: dns.rdata.Rdata) -> bytes:
    """Write a record as `lookup.Answer` says: TXT joined, others without final dots."""
    if record.rdtype == dns.rdatatype.TXT:
        return b"".join(record.strings)  # type: ignore[attr-defined]  # RFC 6376 §3.6.2.2
    text = record.to_text()
    if '"' not in text:  # a dot before a space within quotes belongs to a string
        words = (word.removesuffix(".") or "." for word in text.split(" "))
        text = " ".join(words)
    return text.encode("utf-8", "surrogateescape")


class Chain:
    """One question on its way along CNAME records (RFC 1034 §3.6.2).

    `name` is the name to ask about now.
    """

    def __init__(self, name: bytes, rrtype: int) -> None:
        self._name, _ = dns.name.from_wire(name, 0)
        self._rrtype = dns.rdatatype.RdataType.make(rrtype)
        self._seen = {self._name}
        self._ttl = _MAX_TTL
        self._secure = True

    @property
    def name(self) -> bytes:
        """The name to ask about, in wire form."""
        return self._name.to_wire() or b""

    def take(self, message: dns.message.Message, *, trusted: bool) -> Answer | None:
        """Take a reply about `name`; None means that the new `name` has to be asked about."""
        # RFC 6840 §5.8: the AD bit covers answer and authority sections.
        self._secure &= trusted and bool(message.flags & dns.flags.AD)
        start = self._name
        found = self._at(message, self._rrtype)
        while found is None:
            alias = self._at(message, dns.rdatatype.CNAME)
            if alias is None:
                break
            self._ttl = min(self._ttl, alias.ttl)
            self._name = alias[0].target
            if self._name in self._seen or len(self._seen) > MAX_ALIASES:
                # A circle has no end to answer from; recursive servers say SERVFAIL too.
                return Answer.failed(Failure.SERVER_FAILURE)
            self._seen.add(self._name)
            found = self._at(message, self._rrtype)
        if found is not None:
            ttl = min(self._ttl, found.ttl)
            return Answer.found(*map(presentation, found), ttl=ttl, secure=self._secure)
        return self._negative(message, moved=start != self._name)

    def _at(
        self, message: dns.message.Message, rrtype: dns.rdatatype.RdataType
    ) -> dns.rrset.RRset | None:
        return message.get_rrset(message.answer, self._name, dns.rdataclass.IN, rrtype)

    def _negative(self, message: dns.message.Message, *, moved: bool) -> Answer | None:
        """Tell a negative answer from an alias whose end the server left out."""
        authority = [
            rrset
            for rrset in message.authority
            if rrset.rdtype == dns.rdatatype.SOA and self._name.is_subdomain(rrset.name)
        ]
        refused = message.rcode() == dns.rcode.NXDOMAIN  # about the last name (RFC 6604 §3)
        if moved and not authority and not refused:
            return None
        # Without a SOA a negative answer should not be cached (RFC 2308 §5).
        ttl = 0
        for rrset in authority:
            soa = rrset[0]
            if isinstance(soa, dns.rdtypes.ANY.SOA.SOA):
                ttl = min(self._ttl, rrset.ttl, soa.minimum)
        outcome = Outcome.NO_NAME if refused else Outcome.NO_DATA
        return Answer(outcome=outcome, ttl=ttl, secure=self._secure)
