"""A re-signer's work on one message (RFC 6377 §5.7, §5.8).

::

    found = examine(message.header, (message.body,), ...)        # verify what came in
    outgoing = change(message)                                   # footer, tag, From
    resigned = resigner.resign(outgoing, results, now=now, ...)  # record, clear up, sign

What the list verified stands in an Authentication-Results field that its signature
covers, so whoever trusts the list can trust that field.  Signatures of others stay unless
asked otherwise (RFC 6376 §4.2); a signature of our own from an earlier round never stands
beside a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from avowal import authres
from avowal.dkim.intent import Intent
from avowal.dkim.reasons import Result
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.dkim.signer import Signer, refuse_beyond
from avowal.dkim.verification import Verification
from avowal.message import Field, Header, Message
from avowal.names import DomainName, Selector

RESULTS = b"authentication-results"


class Removal(Enum):
    """Which signatures of others a re-signer takes out."""

    NONE = "none"
    BROKEN = "broken"  # those that fail as the message leaves; not for want of an answer
    ALL = "all"  # every one that was evaluated, RFC 6377 §5.7 step 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Resigned:
    """What leaves: the message, our new fields in it, and the signatures taken out."""

    message: Message
    fields: tuple[Field, ...]
    removed: tuple[Field, ...] = ()


def covering(names: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return the names to sign with our record among them (RFC 6377 §5.7 step 6)."""
    return tuple(dict.fromkeys((*names, RESULTS)))


def superseded(
    header: Header,
    removal: Removal,
    own: Iterable[tuple[DomainName, Selector]],
    verdicts: Iterable[Verification] = (),
) -> frozenset[int]:
    """Return the places of the signatures that a new one takes the place of.

    `own` are the names it is made with: an earlier signature with them never stays beside
    it.  `verdicts` on this header tell which of the others are broken.
    """
    places = header.positions.get(FIELD_NAME, ())
    if removal is Removal.ALL:
        return frozenset(places)
    names = {(domain.ascii, selector.ascii) for domain, selector in own}
    gone = {place for place in places if _names(header[place]) in names}
    if removal is Removal.BROKEN:
        kept = (Result.PASS, Result.TEMPERROR)
        gone.update(
            verdict.place
            for verdict in verdicts
            if verdict.result not in kept and verdict.place >= 0  # -1: of the header as a whole
        )
    return frozenset(gone)


def _names(field: Field) -> tuple[str, str] | None:
    try:
        signature = Signature.parse(field)
    except SignatureFault:
        return None
    return signature.domain.ascii, signature.selector.ascii


@dataclass(frozen=True, slots=True, kw_only=True)
class Resigner:
    """One list or forwarder: its name for results, its signatures, what it takes out."""

    authserv_id: str
    intents: tuple[Intent, ...]
    removal: Removal = Removal.NONE

    def resign(
        self,
        outgoing: Message,
        results: Sequence[authres.MethodResult],
        *,
        now: int,
        verdicts: Sequence[Verification] = (),
    ) -> Resigned:
        """Record, clear up and sign the message as the list changed it.

        `results` are those found when it came in; `verdicts`, on the message as it leaves,
        tell which signatures are broken.  Raises UsageError as `Signer` does.
        """
        header, removed = self._prepared(outgoing, results, verdicts)
        signed = self._signer(header, outgoing.body, now).finish()
        return _finished(header, outgoing.body, signed, removed)

    async def aresign(
        self,
        outgoing: Message,
        results: Sequence[authres.MethodResult],
        *,
        now: int,
        verdicts: Sequence[Verification] = (),
    ) -> Resigned:
        """Do the same with keys of which some answer asynchronously."""
        header, removed = self._prepared(outgoing, results, verdicts)
        signed = await self._signer(header, outgoing.body, now).afinish()
        return _finished(header, outgoing.body, signed, removed)

    def _prepared(
        self,
        outgoing: Message,
        results: Sequence[authres.MethodResult],
        verdicts: Sequence[Verification],
    ) -> tuple[Header, tuple[Field, ...]]:
        """Return the header with our results on top, and the signatures that went."""
        refuse_beyond(outgoing.header)
        own = [(checked.domain, checked.selector) for checked in map(Intent.checked, self.intents)]
        gone = superseded(outgoing.header, self.removal, own, verdicts)
        removed = tuple(outgoing.header[place] for place in sorted(gone))
        return self.recorded(outgoing.header, results, gone), removed

    def recorded(
        self,
        header: Header,
        results: Sequence[authres.MethodResult],
        gone: frozenset[int] = frozenset(),
    ) -> Header:
        """Return a header with our results on top, without those of others (§5.7 step 3).

        What a signature of others covers of that field breaks it: verify what leaves with it.
        """
        record = authres.AuthenticationResults(self.authserv_id, tuple(results))
        kept = [
            field
            for place, field in enumerate(header)
            if place not in gone and field.name != RESULTS
        ]
        return Header.of([authres.write(record), *kept])

    def _signer(self, header: Header, body: bytes, now: int) -> Signer:
        """Return a signer at the end of the body, whose signatures cover our results too."""
        intents = [replace(intent, names=covering(intent.names)) for intent in self.intents]
        signer = Signer(header, intents, now=now)
        signer.feed(body)
        return signer


def _finished(
    header: Header, body: bytes, signed: tuple[Field, ...], removed: tuple[Field, ...]
) -> Resigned:
    message = Message(Header.of([*signed, *header]), body)
    return Resigned(message=message, fields=(*signed, header[0]), removed=removed)
