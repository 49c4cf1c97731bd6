"""The sending domain's policy of DomainKeys (RFC 4870 §3.6), for archives.

``o=-`` says that all mail of the domain is signed, ``o=~`` (the default) that some is.  The
sending domain is that of Sender, or of From where there is no Sender (RFC 4870 §3.1, §3.5.1).
"""

from __future__ import annotations

from collections.abc import Iterable

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Steps
from avowal.mailbox import Authors, Mailbox
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.evidence import SignatureResult
from avowal.policy.memory import Failed, Memory, failed
from avowal.policy.practices import (
    AuthorStanding,
    Practices,
    Standing,
    each_author,
    signed,
    unknown,
)
from avowal.policy.symbols import NEUTRAL, SymbolRecord, record_among
from avowal.policy.trace import Notes

PREFIX = "_domainkey"
ALL = "-"
SYMBOLS = ALL + NEUTRAL
MEANINGS = {
    ALL: "the domain signs all its mail with DomainKeys",
    NEUTRAL: "the domain may sign some of its mail with DomainKeys",
}


def senders(header: Header) -> Authors:
    """Return who is answerable for a message: Sender, else From."""
    fields = header.named(b"sender") or header.named(b"from")
    return Authors.parse(*(field.value for field in fields))


def evaluate(
    sender: Authors,
    signatures: Iterable[SignatureResult] = (),
    *,
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Practices]:
    """Evaluate a message; `signatures` are its DomainKeys signatures.  Raises nothing."""
    passed = [signature for signature in signatures if signature.passed]
    shared = Memory() if memory is None else memory

    def one(mailbox: Mailbox, domain: DomainName, notes: Notes) -> Steps[AuthorStanding]:
        name = f"{PREFIX}.{domain.ascii}"
        if any(domain.is_within(s.domain) for s in passed):  # RFC 4870 §3.3 d=
            return signed(mailbox, name, notes)
        (answer,) = yield from shared.txt(name)
        if failed(answer):
            return unknown(mailbox, Failed.of(name, answer), notes)
        found = record_among(answer.records, SYMBOLS, name, notes, limits=limits)
        record = found or SymbolRecord(octets=b"", problem="no record")
        spoken = record.symbol == ALL and not record.testing
        notes.add("chose", f"o={record.symbol} of {name}", "testing" if record.testing else "")
        return AuthorStanding(
            mailbox=mailbox,
            standing=Standing.SUSPICIOUS if spoken else Standing.NEUTRAL,
            practice=record.symbol,
            record_name=None if found is None else name,
            testing=record.testing,
            why=f"o={record.symbol} and no valid signature of the sender",
        )

    return (yield from each_author("domainkeys", sender, limits, one))
