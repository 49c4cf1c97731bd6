"""The Sender Signing Policy of 2005: one symbol says how a domain signs.

draft-allman-dkim-ssp-00 and -01, never an RFC and long dead; evaluated on request, for
archives and for study.  The record stands at ``_policy._domainkey.<domain>``, or at the
nearest domain above that has one, but never at a top-level domain; ``o=^`` sends on to
``<local-part>._policy._domainkey.<domain>``.  Above the domain ``o=.`` ends the search, and
says nothing (-01 §5).

Deliberate: with a valid signature of the author nothing is asked (RFC 5016 §5.3 item 9), so
that ``o=.`` shows only for other mail; `SspRules.always_ask` asks all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Steps
from avowal.mailbox import Authors, Mailbox
from avowal.names import MAX_LABEL, DomainName
from avowal.policy.evidence import SignatureResult
from avowal.policy.memory import Failed, Memory, failed
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
from avowal.policy.symbols import NEUTRAL, SymbolRecord, record_among
from avowal.policy.trace import Notes

PREFIX = "_policy._domainkey"
USER = "^"
NEVER = "."

_ACCEPT, _NEUTRAL, _SUSPICIOUS = Standing.ACCEPT, Standing.NEUTRAL, Standing.SUSPICIOUS

# What each symbol makes of mail that its author signed, that only others signed, and that
# carries no valid signature at all (a broken one is none).
DECISIONS = {
    "~": (_ACCEPT, _ACCEPT, _NEUTRAL),  # signs some of its mail
    "-": (_ACCEPT, _ACCEPT, _SUSPICIOUS),  # signs all; others may sign in its place
    "!": (_ACCEPT, _SUSPICIOUS, _SUSPICIOUS),  # signs all; nobody else does
    "?": (_ACCEPT, _NEUTRAL, _NEUTRAL),  # signs some; others' signatures mean nothing
    NEVER: (_SUSPICIOUS, _SUSPICIOUS, _SUSPICIOUS),  # sends no mail
}
SYMBOLS = "".join(DECISIONS) + USER
MEANINGS = {
    "~": "neutral: the domain signs some of its mail",
    "-": "strong: the domain signs all its mail, and others may sign for it",
    "!": "exclusive: the domain signs all its mail, and nobody else does",
    "?": "weak: the domain signs some of its mail, and nobody else signs for it",
    NEVER: "never: the domain sends no mail",
    USER: "user: each user has a record",
}
_USER_LABEL = re.compile(rb"[a-z0-9_+=-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SspRules:
    """What this receiver chooses."""

    acceptable: Acceptable = anybody
    always_ask: bool = False


STANDARD = SspRules()


def evaluate(
    authors: Authors,
    signatures: Iterable[SignatureResult] = (),
    *,
    rules: SspRules = STANDARD,
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Practices]:
    """Evaluate a message.  Raises nothing, whatever the octets and the answers."""
    shared = Memory() if memory is None else memory

    def ask(
        mailbox: Mailbox, domain: DomainName, parties: Parties, notes: Notes
    ) -> Steps[AuthorStanding]:
        return _Author(shared, mailbox, domain, limits, notes).standing(parties)

    one = unless_signed(
        PREFIX, signatures, ask, acceptable=rules.acceptable, always=rules.always_ask
    )
    return (yield from each_author("ssp", authors, limits, one))


def decide(symbol: str, *, first_party: bool, third_party: bool, testing: bool) -> Standing:
    """Say how a message stands; an unknown symbol is neutral, t=y is never worse than that."""
    by_author, by_others, unsigned = DECISIONS.get(symbol, DECISIONS[NEUTRAL])
    standing = by_author if first_party else by_others if third_party else unsigned
    return _NEUTRAL if testing and standing is _SUSPICIOUS else standing


def user_name(mailbox: Mailbox, domain: DomainName) -> str | None:
    """Return where the user's record stands; None for a local part that is no DNS name.

    The dots of a local part separate labels, as they did in the implementations of the time.
    """
    labels = mailbox.user.lower().split(b".")
    if not all(_USER_LABEL.fullmatch(label) and len(label) <= MAX_LABEL for label in labels):
        return None
    return f"{b'.'.join(labels).decode()}.{PREFIX}.{domain.ascii}"


def names(domain: DomainName, limits: Limits = DEFAULT) -> tuple[str, ...]:
    """Return the names a record may stand at, nearest first; a top-level domain is none."""
    labels = domain.labels
    above = (".".join(labels[i:]) for i in range(1, len(labels) - 1))
    nearest = (parent for parent, _ in zip(above, range(limits.ssp_parents), strict=False))
    return tuple(f"{PREFIX}.{name}" for name in chain((domain.ascii,), nearest))


@dataclass(frozen=True, slots=True)
class _Author:
    """One author whose domain has to be asked."""

    memory: Memory
    mailbox: Mailbox
    domain: DomainName
    limits: Limits
    notes: Notes

    def standing(self, parties: Parties) -> Steps[AuthorStanding]:
        place = yield from self._place()
        if isinstance(place, Failed):
            return unknown(self.mailbox, place, self.notes)
        name, record = place
        testing = record.testing
        if record.symbol == USER:
            user = yield from self._user_record()
            if isinstance(user, Failed):
                return unknown(self.mailbox, user, self.notes)
            if user is not None:
                name, record = user
                testing = testing or record.testing
        symbol = NEUTRAL if record.symbol == USER else record.symbol
        standing = decide(
            symbol, first_party=parties.first, third_party=parties.third, testing=testing
        )
        by = "the author" if parties.first else "others" if parties.third else "nobody"
        written = f" (written {record.spelling})" if record.spelling else ""
        why = f"o={symbol}{written} and signed by {by}" + (", testing" if testing else "")
        self.notes.add("chose", f"o={symbol} of {name or 'no record'}", why)
        if standing is _SUSPICIOUS:
            subject = f"i=@{self.domain.ascii}"
            self.notes.add("would-change", subject, "a valid signature of the author")
        return AuthorStanding(
            mailbox=self.mailbox,
            standing=standing,
            practice=symbol,
            record_name=name,
            testing=testing,
            why=why,
        )

    def _place(self) -> Steps[tuple[str | None, SymbolRecord] | Failed]:
        """Find the domain's record, the nearest one; without any the domain is neutral."""
        own, *above = names(self.domain, self.limits)
        for batch in ([own], above):
            answers = yield from self.memory.txt(*batch)
            for name, answer in zip(batch, answers, strict=True):
                if failed(answer):
                    return Failed.of(name, answer)
                record = self._among(answer, name)
                if record is not None and record.symbol == NEVER and name in above:
                    self.notes.add("discarded", name, "o=. speaks for its own domain alone")
                    return None, SymbolRecord(octets=b"", problem="no record")
                if record is not None:
                    return name, record
        return None, SymbolRecord(octets=b"", problem="no record")

    def _user_record(self) -> Steps[tuple[str, SymbolRecord] | Failed | None]:
        name = user_name(self.mailbox, self.domain)
        if name is None:
            self.notes.add("skipped", f"o={USER}", "the local part is no DNS name")
            return None
        (answer,) = yield from self.memory.txt(name)
        if failed(answer):
            return Failed.of(name, answer)
        record = self._among(answer, name)
        return None if record is None else (name, record)

    def _among(self, answer: Answer, name: str) -> SymbolRecord | None:
        return record_among(answer.records, SYMBOLS, name, self.notes, limits=self.limits)
