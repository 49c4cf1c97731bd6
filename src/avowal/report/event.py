"""One event per verdict: what was found of a message and what became of it, and no person.

An event is what aggregate reports (RFC 9990), shares of passing signatures and the question
"what would p=reject have cost" are counted from.  It names hosts, domains and results; no
local part, no subject, no recipient.  `EventKey` is everything that messages share which are
counted together; `verdict_event.event_of` makes it.
"""

from __future__ import annotations

import hashlib

import msgspec


class EventSignature(msgspec.Struct, frozen=True, omit_defaults=True):
    """One signature that was checked: its RFC 8601 word, and why where it is no pass."""

    domain: str
    selector: str | None
    result: str
    reason: str | None = None


class EventSender(msgspec.Struct, frozen=True, omit_defaults=True):
    """What SPF said, of which domain of the envelope."""

    domain: str | None
    scope: str
    result: str


class EventPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """A DMARC policy as it was published at `domain`; `discovery` says how it was found.

    `wants_reports` tells that it names addresses for aggregate reports.
    """

    domain: str
    p: str | None = None
    sp: str | None = None
    np: str | None = None
    adkim: str = "r"
    aspf: str = "r"
    fo: str = "0"
    testing: bool = False
    pct: int | None = None
    discovery: str = "treewalk"
    wants_reports: bool = False


class EventReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why the disposition is not the policy: a word of RFC 9990, and a comment."""

    type: str
    comment: str = ""


class EventKey(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What messages share that are counted together.

    `source` is the client's address, None for local mail; `author` the domain in From by
    its A-labels.  `action` is what was done with the message, None where that was left to
    others.  `dmarc` is DMARC's word, `asked` what the policy asks for this author (p=, sp= or
    np=), `disposition` what was done of it, in the words of RFC 9990; all None without DMARC.
    `signed` are the (domain, selector) of signatures that we made.  `report_mail` tells that it
    is an authentic aggregate report: two receivers must not report on each other's for ever.
    """

    source: str | None = None
    author: str | None = None
    action: str | None = None
    policy: EventPolicy | None = None
    dmarc: str | None = None
    asked: str | None = None
    disposition: str | None = None
    dkim_aligned: bool = False
    spf_aligned: bool = False
    reasons: tuple[EventReason, ...] = ()
    spf: EventSender | None = None
    dkim: tuple[EventSignature, ...] = ()
    arc: str | None = None
    signed: tuple[tuple[str, str], ...] = ()
    report_mail: bool = False

    def octets(self) -> bytes:
        """Return it as JSON, the same for equal keys."""
        return _ENCODER.encode(self)

    @classmethod
    def of(cls, octets: bytes) -> EventKey:
        """Read what `octets` wrote, of this version or an older one."""
        return _DECODER.decode(octets)

    def names(self, address: str) -> bool:
        """Whether the address of a host stands in it."""
        comments = " ".join(one.comment for one in self.reasons)
        return self.source == address or f"={address} " in f"{comments} "

    @property
    def policy_domain(self) -> str | None:
        """The domain that it is counted for: of the policy, else the author's."""
        return self.author if self.policy is None else self.policy.domain

    @property
    def is_reported(self) -> bool:
        """Whether messages like this stand in an aggregate report to the policy's domain.

        Not where nobody asked, where we do not know what became of the message, and not where
        it was put off: it comes again.
        """
        settled = self.action is not None and self.action != "tempfail"
        asked = self.policy is not None and self.policy.wants_reports
        return asked and settled and self.source is not None and self.disposition is not None


class EventRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule that decided what was done: of which `topic`, its option's name, where it stands."""

    topic: str
    option: str
    place: str | None = None


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message at `time` (Unix seconds), on `host`, under the MTA's own `queue_id`.

    `rules` are those that decided, in order; they are not counted by.
    """

    time: int
    host: str
    key: EventKey
    queue_id: str | None = None
    rules: tuple[EventRule, ...] = ()

    def rules_text(self) -> str | None:
        """Return the rules as JSON, the same for equal ones; None for none."""
        return _ENCODER.encode(self.rules).decode() if self.rules else None


def rules_of(text: str) -> tuple[EventRule, ...]:
    """Read what `Event.rules_text` wrote."""
    return _RULES.decode(text)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(EventKey)
_RULES = msgspec.json.Decoder(tuple[EventRule, ...])


_SOURCE = b'{"source":"'


def split_source(octets: bytes) -> tuple[str, bytes]:
    """Take the address off what `EventKey.octets` wrote; what is left is equal for equal others.

    It is the first member.  "" where there is none.
    """
    if not octets.startswith(_SOURCE):
        return "", octets
    end = octets.index(b'"', len(_SOURCE))
    source = octets[len(_SOURCE) : end]
    if b"\\" in source:  # no address has what JSON escapes; whatever this is, it stands alone
        return EventKey.of(octets).source or "", octets
    return source.decode(), octets[end:]


def digest(octets: bytes) -> bytes:
    """Return what stands for a key where keys are looked up: 16 octets."""
    return hashlib.blake2b(octets, digest_size=16).digest()
