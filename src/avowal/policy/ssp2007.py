"""The Sender Signing Practices of 2007: ``dkim=unknown|all|strict``.

draft-ietf-dkim-ssp-01 §4.4, never an RFC and long dead; evaluated on request.  The record
stands at ``_ssp._domainkey.<domain>`` or one level above, never at a top-level domain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Question, Steps
from avowal.mailbox import Authors, Mailbox
from avowal.names import DomainName
from avowal.policy.evidence import SignatureResult
from avowal.policy.memory import Failed, Memory, failed
from avowal.policy.practice_record import ALL, DISCARDABLE, STRICT, UNKNOWN, WordRecord
from avowal.policy.practices import (
    Acceptable,
    AuthorStanding,
    Parties,
    Practices,
    Standing,
    anybody,
    each_author,
    unknown,
    unless_signed,
)
from avowal.policy.trace import Notes, excerpt

PREFIX = "_ssp._domainkey"
WORDS = frozenset({UNKNOWN, ALL, STRICT, DISCARDABLE})  # discardable: draft-ietf-dkim-ssp-02
MEANINGS = {
    UNKNOWN: "the domain may sign some or all of its mail",
    ALL: "the domain signs all its mail, and others may sign for it",
    STRICT: "the domain signs all its mail, and only its own signatures count",
    DISCARDABLE: "the domain signs all its mail, and other mail may be thrown away",
}
_CLEAR, _SUSPICIOUS = Standing.NEUTRAL, Standing.SUSPICIOUS


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record was found; `above` says that it is the parent's."""

    name: str
    record: WordRecord
    above: bool


def evaluate(
    authors: Authors,
    signatures: Iterable[SignatureResult] = (),
    *,
    acceptable: Acceptable = anybody,
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Practices]:
    """Evaluate a message.  Raises nothing, whatever the octets and the answers."""
    shared = Memory() if memory is None else memory

    def ask(
        mailbox: Mailbox, domain: DomainName, parties: Parties, notes: Notes
    ) -> Steps[AuthorStanding]:
        found = yield from _found(shared, domain, notes, limits)
        if isinstance(found, Failed):
            return unknown(mailbox, found, notes)
        if isinstance(found, _Place):
            return _judged(mailbox, found, parties, notes)
        standing = _SUSPICIOUS if found else _CLEAR
        why = "the domain does not exist" if found else "no record"
        return AuthorStanding(mailbox=mailbox, standing=standing, why=why)

    one = unless_signed(PREFIX, signatures, ask, acceptable=acceptable)  # step 1
    return (yield from each_author("ssp2007", authors, limits, one))


def decide(record: WordRecord, parties: Parties, *, above: bool) -> tuple[Standing, str]:
    """Steps 6 to 10: how a message stands, and the tag that decides."""
    if above and record.not_for_subdomains:
        return _CLEAR, "t=s"
    if record.testing:
        return _CLEAR, "t=y"
    if record.practices == UNKNOWN:
        return _CLEAR, f"dkim={UNKNOWN}"
    if record.practices == ALL and parties.third:
        return _CLEAR, f"dkim={ALL} and signed by others"
    return _SUSPICIOUS, f"dkim={record.practices}"


def _judged(mailbox: Mailbox, place: _Place, parties: Parties, notes: Notes) -> AuthorStanding:
    standing, why = decide(place.record, parties, above=place.above)
    notes.add("chose", f"dkim={place.record.practices} of {place.name}", why)
    return AuthorStanding(
        mailbox=mailbox,
        standing=standing,
        practice=place.record.practices,
        record_name=place.name,
        testing=place.record.testing,
        why=why,
    )


def _found(
    memory: Memory, domain: DomainName, notes: Notes, limits: Limits
) -> Steps[_Place | Failed | bool]:
    """Steps 2 to 5.  True says that the domain does not exist, False that there is no record."""
    name = f"{PREFIX}.{domain.ascii}"
    (own,) = yield from memory.txt(name)
    if failed(own):
        return Failed.of(name, own)
    record = _record(own, name, notes, limits)
    if record is not None:
        return _Place(name, record, above=False)
    parent = ".".join(domain.labels[1:])
    above = f"{PREFIX}.{parent}"
    questions = [Question(domain.ascii, "MX")]
    if "." in parent:  # step 4: a top-level domain is not asked
        questions.append(Question(above))
    exchange, *rest = yield from memory.ask(*questions)
    if failed(exchange):
        return Failed.of(f"{domain.ascii} MX", exchange)
    if exchange.outcome is Outcome.NO_NAME:  # step 3
        notes.add("absent", domain.ascii, "the domain does not exist")
        return True
    for answer in rest:
        if failed(answer):
            return Failed.of(above, answer)
        record = _record(answer, above, notes, limits)
        if record is not None:
            return _Place(above, record, above=True)
    return False


def _record(answer: Answer, name: str, notes: Notes, limits: Limits) -> WordRecord | None:
    """Choose the record at a name; several say nothing, as an unknown one does."""
    read = [WordRecord.parse(octets, WORDS, limits=limits) for octets in answer.records]
    kept = [record for record in read if record is not None]
    if not kept:
        notes.add("absent", name)
        return None
    if len(kept) > 1:
        notes.add("discarded", name, f"{len(kept)} records at one name")
        return WordRecord(octets=b"", practices=UNKNOWN)
    notes.add("found", name, excerpt(kept[0].octets))
    return kept[0]
