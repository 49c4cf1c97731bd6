"""The connection a message came over, for SPF: as somebody says, or as the last host wrote it.

A message holds no proof of it.  The topmost Received field is the one that the host wrote which
delivered it here: whoever looks says whether that is a host of his own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from avowal.calls.connection import Connection
from avowal.errors import UsageError
from avowal.limits import DEFAULT
from avowal.message import CRLF, Header
from avowal.policy.spf import SpfRequest, SpfResult, SpfWord
from avowal.text import printable
from avowal.web.limits import SEEN_LINE
from avowal.web.report import Envelope, Fact, Rung, State

_MOST_READ: Final = 2000  # octets of a Received field in which the client is looked for
_SEEN_STEPS: Final = 40  # steps of an evaluation that are shown
_LITERAL: Final = re.compile(rb"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)
_BY: Final = re.compile(rb"\sby\s", re.IGNORECASE)
_HELO: Final = re.compile(rb"[ (]helo=\[?([^\s()\[\]]{1,255})", re.IGNORECASE)
_WORD: Final = re.compile(rb"\s*from\s+([^\s()\[\]]{1,255})", re.IGNORECASE)
_PATH: Final = re.compile(rb"[ \t]*<([^<>]{0,1000})>[ \t]*")
_STATES: Final[dict[SpfWord, State]] = {
    SpfWord.PASS: "good",
    SpfWord.FAIL: "bad",
    SpfWord.PERMERROR: "bad",
    SpfWord.SOFTFAIL: "open",
    SpfWord.TEMPERROR: "open",
    SpfWord.NEUTRAL: "plain",
    SpfWord.NONE: "plain",
}
_MEANINGS: Final[dict[SpfWord, tuple[str, str]]] = {
    SpfWord.PASS: ("the domain lets this client send for it", "RFC 7208 §2.6.3"),
    SpfWord.FAIL: ("the domain says that this client may not send for it", "RFC 7208 §2.6.4"),
    SpfWord.SOFTFAIL: ("the domain doubts that this client sends for it", "RFC 7208 §2.6.5"),
    SpfWord.NEUTRAL: ("the domain says nothing of this client", "RFC 7208 §2.6.2"),
    SpfWord.NONE: ("the domain publishes no SPF record", "RFC 7208 §2.6.1"),
    SpfWord.TEMPERROR: ("DNS gave no answer now", "RFC 7208 §2.6.6"),
    SpfWord.PERMERROR: ("the record cannot be evaluated", "RFC 7208 §2.6.7"),
}


class SaidEnvelope(NamedTuple):
    """What a form says of the connection; `by_header` asks for what the last host wrote."""

    client: str = ""
    mail_from: str = ""
    helo: str = ""
    by_header: bool = False


def request_of(said: SaidEnvelope, header: Header, *, now: int) -> SpfRequest | None:
    """Return what SPF is asked about, None for nothing.

    Raises UsageError for a client that is none, and where the header does not tell it.
    """
    if said.by_header:
        return written_by_host(header, now=now)
    client, mail_from, helo = (text.strip() for text in said[:3])
    if not client:
        if mail_from or helo:
            raise UsageError("SPF is about the address of a client: give that too")
        return None
    made = Connection(client, mail_from, helo, None, now=now).envelope(header, DEFAULT)
    return made if isinstance(made, SpfRequest) else None


def written_by_host(header: Header, *, now: int) -> SpfRequest:
    """Read the topmost Received and Return-Path field (RFC 5321 §4.4).  Raises UsageError.

    A client says at HELO what it likes, an address in brackets too: where two different ones
    stand there, nobody can tell which was the client's.
    """
    fields, paths = header.named(b"received"), header.named(b"return-path")
    if not fields:
        raise UsageError("there is no Received field that tells the client: fill in the fields")
    begin = _BY.split(fields[0].value.replace(CRLF, b"")[:_MOST_READ], maxsplit=1)[0]
    found = set(_addresses(begin))
    if len(found) != 1:
        what = "no address" if not found else "more than one address"
        raise UsageError(f"the topmost Received field names {what} of a client: fill in the fields")
    path = None if not paths else _PATH.fullmatch(paths[0].value.replace(CRLF, b""))
    if path is None:
        raise UsageError("no Return-Path field tells the envelope sender: fill in the fields")
    helo = _HELO.search(begin) or _WORD.match(begin)
    return SpfRequest(
        client=found.pop(), mail_from=path[1], helo=b"" if helo is None else helo[1], now=now
    )


def _addresses(octets: bytes) -> Iterator[IPv4Address | IPv6Address]:
    for found in _LITERAL.finditer(octets):
        try:
            yield ip_address(found[1].decode("ascii"))
        except ValueError:
            continue


def envelope_of(request: SpfRequest | None, found: SpfResult | None) -> Envelope | None:
    """Return the steps of SPF, None where it was not asked for."""
    if found is None or request is None:
        return None
    meaning, clause = _MEANINGS[found.word]
    return Envelope(
        state=_STATES[found.word],
        result=found.word.value,
        sentence=meaning,
        rungs=(_identity(request, found), _record(found), _result(found, meaning, clause)),
    )


def _identity(request: SpfRequest, found: SpfResult) -> Rung:
    scope = "the envelope sender" if found.scope == "mfrom" else "HELO, for the sender is empty"
    facts = (
        ("client", str(request.client), "the address that the message came from"),
        ("mail_from", printable(request.mail_from, most=SEEN_LINE), "the envelope sender"),
        ("helo", printable(request.helo, most=SEEN_LINE), "what the client called itself"),
    )
    return Rung(
        name="Identity",
        state="plain" if found.domain is not None else "open",
        sentence=f"SPF is about {scope}",
        clause="RFC 7208 §2.4",
        facts=tuple(Fact(name=name, private=text, said=said) for name, text, said in facts),
    )


def _record(found: SpfResult) -> Rung:
    domain = "" if found.domain is None else found.domain.ascii
    has = found.record is not None
    return Rung(
        name="Record",
        state="good" if has else "plain",
        sentence="a record was found and read" if has else "no record was evaluated",
        clause="RFC 7208 §4.4",
        facts=(
            Fact(name="domain", private=printable(domain), said="whose record was asked for"),
            Fact(name="record", private=printable(found.record or "", most=SEEN_LINE)),
            Fact(name="terms", value=str(found.terms), said="that asked DNS, of 10 at most"),
            Fact(name="void", value=str(found.void_lookups), said="that found nothing, of 2"),
        ),
    )


def _result(found: SpfResult, meaning: str, clause: str) -> Rung:
    steps = found.trace[:_SEEN_STEPS]
    named = (("term", found.term or "", "the term that decided"),
             ("problem", found.problem or "", "what was wrong"))  # fmt: skip
    facts = [
        Fact(name=name, private=printable(text, most=SEEN_LINE), said=said)
        for name, text, said in named
        if text
    ]
    facts += [
        Fact(name=f"step {number}", private=printable(f"{one.action} {one.subject}: {one.detail}"
             .rstrip(": "), most=SEEN_LINE)) for number, one in enumerate(steps, 1)
    ]  # fmt: skip
    return Rung(
        name="Result", state=_STATES[found.word], sentence=meaning, clause=clause,
        facts=tuple(facts),
    )  # fmt: skip
