"""A re-signer's work on one message (RFC 6377 §5.7, §5.8).

::

    arrival = run(arrive(message, now=now), resolver)       # verify what came in
    outgoing = change(message)                              # footer, tag, From: the list's part
    resigned = resigner.resign(arrival, outgoing, now=now)  # record, clear up, sign

What the list verified stands in an Authentication-Results field that its signature
covers, so whoever trusts the list can trust that field.  Signatures of others stay unless
asked otherwise (RFC 6376 §4.2); a signature of our own from an earlier round never stands
beside a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from avowal import authres
from avowal.dkim import rules as rules_module
from avowal.dkim.intent import Intent
from avowal.dkim.results import results_of
from avowal.dkim.rules import Rules
from avowal.dkim.signer import Signer
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Keys, Verifier
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Steps
from avowal.message import Field, Header, Message

RESULTS = b"authentication-results"


class Removal(Enum):
    """Which signatures of others a re-signer takes out."""

    NONE = "none"
    BROKEN = "broken"  # those that do not verify as the message leaves
    ALL = "all"  # every one that was evaluated, RFC 6377 §5.7 step 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as it came: its verdicts, and the keys they rest on."""

    message: Message
    verdicts: tuple[Verification, ...]
    keys: Keys
    rules: Rules = rules_module.DEFAULT
    limits: Limits = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Resigned:
    """What leaves: the message, our new fields in it, and the signatures taken out."""

    message: Message
    fields: tuple[Field, ...]
    removed: tuple[Field, ...] = ()


def arrive(
    message: Message,
    *,
    now: int,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
) -> Steps[Arrival]:
    """Verify a message on its way in.  Raises nothing."""
    verifier = Verifier(message.header, now=now, rules=rules, limits=limits)
    keys = yield from verifier.keys()
    verifier.feed(message.body)
    return Arrival(
        message=message, verdicts=verifier.finish(keys), keys=keys, rules=rules, limits=limits
    )


def reconsider(arrival: Arrival, outgoing: Message, *, now: int) -> tuple[Verification, ...]:
    """Verify the changed message with the keys that are at hand; one verdict a signature."""
    verifier = Verifier(outgoing.header, now=now, rules=arrival.rules, limits=arrival.limits)
    verifier.feed(outgoing.body)
    return verifier.finish(arrival.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resigner:
    """One list or forwarder: its name for results, its signatures, what it takes out."""

    authserv_id: str
    intents: tuple[Intent, ...]
    removal: Removal = Removal.NONE

    def resign(
        self,
        arrival: Arrival,
        outgoing: Message,
        *,
        now: int,
        also: Sequence[authres.Result] = (),
    ) -> Resigned:
        """Record, clear up and sign; `also` are results of other methods to record.

        Raises UsageError as `Signer` does.
        """
        header, removed = self._prepared(arrival, outgoing, now, also)
        signed = self._signer(header, outgoing.body, now).finish()
        return _finished(header, outgoing.body, signed, removed)

    async def aresign(
        self,
        arrival: Arrival,
        outgoing: Message,
        *,
        now: int,
        also: Sequence[authres.Result] = (),
    ) -> Resigned:
        """Do the same with keys of which some answer asynchronously."""
        header, removed = self._prepared(arrival, outgoing, now, also)
        signed = await self._signer(header, outgoing.body, now).afinish()
        return _finished(header, outgoing.body, signed, removed)

    def _prepared(
        self, arrival: Arrival, outgoing: Message, now: int, also: Sequence[authres.Result]
    ) -> tuple[Header, tuple[Field, ...]]:
        """Return the header with our results on top, and the signatures that went."""
        verdicts = reconsider(arrival, outgoing, now=now)
        gone = {verdict.place for verdict in verdicts if self._has_to_go(verdict)}
        results = authres.AuthenticationResults(
            self.authserv_id, (*results_of(arrival.verdicts), *also)
        )
        kept = [
            field
            for place, field in enumerate(outgoing.header)
            if place not in gone and field.name != RESULTS  # §5.7 step 3
        ]
        removed = tuple(outgoing.header[place] for place in sorted(gone))
        return Header.of([authres.write(results), *kept]), removed

    def _has_to_go(self, verdict: Verification) -> bool:
        if self.removal is Removal.ALL or self._is_ours(verdict):
            return True
        return not verdict.passed and self.removal is Removal.BROKEN

    def _is_ours(self, verdict: Verification) -> bool:
        return any(
            (verdict.domain, verdict.selector) == (intent.domain, intent.selector)
            for intent in self.intents
        )

    def _signer(self, header: Header, body: bytes, now: int) -> Signer:
        """Return a signer at the end of the body, whose signatures cover our results too."""
        intents = [
            replace(intent, names=tuple(dict.fromkeys((*intent.names, RESULTS))))
            for intent in self.intents
        ]
        signer = Signer(header, intents, now=now)
        signer.feed(body)
        return signer


def _finished(
    header: Header, body: bytes, signed: tuple[Field, ...], removed: tuple[Field, ...]
) -> Resigned:
    message = Message(Header.of([*signed, *header]), body)
    return Resigned(message=message, fields=(*signed, header[0]), removed=removed)
