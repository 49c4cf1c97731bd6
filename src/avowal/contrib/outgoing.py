"""Signs what a program sends, last of all: the octets that are about to go over the wire."""

from __future__ import annotations

import email.policy
from collections.abc import Iterable
from email import message_from_bytes

from avowal.calls.email_message import refuse_incomplete, wire_octets
from avowal.calls.sign import sign
from avowal.dkim.intent import Intent
from avowal.errors import IntentError, UsageError
from avowal.mailbox import Authors
from avowal.members import refuse_other
from avowal.message import Header, split
from avowal.names import DomainName


class OutgoingSigner:
    """Signs messages of several domains with the intents that belong to their authors.

    Of the `intents` those sign whose domain is that of an author of the message, or above it;
    where none is, all of them do: no mail leaves unsigned.  `relay` as of `avowal.sign`.
    Raises UsageError for intents that cannot be carried out.
    """

    def __init__(self, intents: Iterable[Intent], *, relay: str | None = None) -> None:
        kept = []
        for intent in intents:
            refuse_other("what to sign", intent, Intent)
            kept.append((intent.checked().domain, intent))
        if not kept:
            raise IntentError("DKIM-Signature", "nothing to sign with: no intent given")
        self._intents: tuple[tuple[DomainName, Intent], ...] = tuple(kept)
        self._relay = relay

    def signed(self, octets: bytes) -> bytes:
        """Return a message in wire form with its signatures on top.

        8-bit text becomes 7-bit first, since the next host may change it so (RFC 6376 §5.3).
        Raises UsageError for what must not be signed.
        """
        sent = _seven_bit(wire_octets(octets))
        header = Header.parse(split(sent)[0])
        intents = self._chosen(header)
        if self._relay is None:
            refuse_incomplete(header, {name for intent in intents for name in intent.oversigned})
        return sign(sent, *intents, relay=self._relay) + sent

    def _chosen(self, header: Header) -> tuple[Intent, ...]:
        authors = Authors.of(header).domains
        own = [
            intent
            for domain, intent in self._intents
            if any(author.is_within(domain) for author in authors)
        ]
        return tuple(own or [intent for _, intent in self._intents])


def _seven_bit(octets: bytes) -> bytes:
    """Encode an 8-bit body; a header in UTF-8 asks for SMTPUTF8, which carries 8 bits as well."""
    if octets.isascii() or not split(octets)[0].isascii():
        return octets
    try:
        parsed = message_from_bytes(octets, policy=email.policy.SMTP)
    except RecursionError:
        raise UsageError("its parts are nested too deep to be encoded as 7-bit text") from None
    return wire_octets(parsed)
