"""What the signing practices before DMARC have in common: parties, standings, authors.

`ssp` (2005), `ssp2007` and `domainkeys` each say how one author stands; several authors
are each looked at and the worst standing is the message's (RFC 4686 §4.2.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from avowal.enums import Word
from avowal.limits import Limits
from avowal.lookup import Steps, together
from avowal.mailbox import Authors, Mailbox
from avowal.names import DomainName
from avowal.policy.evidence import SignatureResult
from avowal.policy.memory import Failed
from avowal.policy.trace import Notes, Trace


class Standing(Word):
    """How a message stands against what its author's domain says about itself."""

    ACCEPT = "accept", "signed as the domain says it signs"
    NEUTRAL = "neutral", "nothing speaks against it"
    PERMERROR = "permerror", "an author cannot be read"
    TEMPERROR = "temperror", "DNS gave no answer: nothing is known"
    SUSPICIOUS = "suspicious", "not as the domain says it signs"

    @property
    def severity(self) -> int:
        """0 for the best, 4 for the worst."""
        return _ORDER.index(self)


_ORDER = tuple(Standing)

Acceptable: TypeAlias = Callable[[SignatureResult], bool]
"""Whether this receiver takes a third party's signature into account."""


def anybody(_: SignatureResult) -> bool:
    """Accept every third party."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorStanding:
    """How one author stands.

    `practice` is the symbol or word that decided, None where it was not asked for;
    `record_name` says where it stands.
    """

    mailbox: Mailbox
    standing: Standing
    practice: str | None = None
    record_name: str | None = None
    testing: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Practices:
    """The standing of a message; `decisive` is the author it rests on, None without authors.

    `beyond` says that there are more authors than were asked for.
    """

    standing: Standing
    decisive: AuthorStanding | None = None
    authors: tuple[AuthorStanding, ...] = ()
    beyond: bool = False
    trace: Trace = ()

    @property
    def unknown(self) -> bool:
        """Whether the practices of some author could not be had for now."""
        return any(one.standing is Standing.TEMPERROR for one in self.authors)


@dataclass(frozen=True, slots=True)
class Parties:
    """Which passing signatures a message has, as seen from one author."""

    first: bool
    third: bool

    @classmethod
    def of(
        cls, mailbox: Mailbox, signatures: Iterable[SignatureResult], acceptable: Acceptable
    ) -> Parties:
        """Tell the author's own signatures from acceptable ones of others (RFC 5016 §2)."""
        passed = [s for s in signatures if s.passed]
        own = [is_first_party(s, mailbox) for s in passed]
        pairs = zip(passed, own, strict=True)
        return cls(any(own), any(acceptable(s) for s, mine in pairs if not mine))


def is_first_party(signature: SignatureResult, mailbox: Mailbox) -> bool:
    """Whether a signature's identity is the author (RFC 5016 §5.3 item 2).

    An identity without a local part stands for all of its domain, not for subdomains.
    """
    identity = signature.auid
    if mailbox.domain is None or not identity.domain.same_as(mailbox.domain):
        return False
    return identity.local_part in {b"", mailbox.local_part, mailbox.user}


OneAuthor: TypeAlias = Callable[[Mailbox, DomainName, Notes], Steps[AuthorStanding]]
OfParties: TypeAlias = Callable[[Mailbox, DomainName, Parties, Notes], Steps[AuthorStanding]]


def unless_signed(
    prefix: str,
    signatures: Iterable[SignatureResult],
    ask: OfParties,
    *,
    acceptable: Acceptable = anybody,
    always: bool = False,
) -> OneAuthor:
    """Ask for an author's practices, unless a signature of the author is valid.

    RFC 5016 §5.3 item 9; with `always` the record below `prefix` is looked at all the same.
    """
    kept = tuple(signatures)

    def one(mailbox: Mailbox, domain: DomainName, notes: Notes) -> Steps[AuthorStanding]:
        parties = Parties.of(mailbox, kept, acceptable)
        if parties.first and not always:
            return signed(mailbox, f"{prefix}.{domain.ascii}", notes)
        return (yield from ask(mailbox, domain, parties, notes))

    return one


def each_author(
    mechanism: str, authors: Authors, limits: Limits, one: OneAuthor
) -> Steps[Practices]:
    """Look at every author, their rounds merged; the worst standing is the message's."""
    named = [(m, m.domain) for m in authors.mailboxes if m.domain is not None]
    listed = {domain.ascii for _, domain in named}
    named += [  # those that only other readers show: the domain as a whole
        (Mailbox(local_part=b"", domain=name, written_domain=name.text.encode()), name)
        for name in authors.domains
        if name.ascii not in listed
    ]
    notes = Notes(mechanism)
    for problem in authors.problems:
        notes.add("discarded", "From", problem.sentence)
    capped = named[: limits.ssp_authors]
    standings: tuple[AuthorStanding, ...] = yield from together(
        *(one(mailbox, domain, notes) for mailbox, domain in capped)
    )
    decisive = max(standings, key=lambda s: s.standing.severity, default=None)
    standing = Standing.PERMERROR if decisive is None else decisive.standing
    beyond = authors.too_many or len(capped) < len(named)
    if (beyond or not authors.complete) and standing.severity < Standing.PERMERROR.severity:
        standing = Standing.PERMERROR  # what cannot be read must not be the way around
    notes.add("concluded", standing.value, "" if decisive is None else decisive.why)
    return Practices(
        standing=standing, decisive=decisive, authors=standings, beyond=beyond, trace=notes.steps
    )


def signed(mailbox: Mailbox, name: str, notes: Notes) -> AuthorStanding:
    """Say that the author's own signature makes the record at `name` needless."""
    notes.add("skipped", name, "the author's own signature is valid")
    return AuthorStanding(mailbox=mailbox, standing=Standing.ACCEPT, why="signed by the author")


def unknown(mailbox: Mailbox, failure: Failed, notes: Notes) -> AuthorStanding:
    """Say that DNS gave no answer where it could have mattered."""
    notes.add("failed", failure.name, failure.why)
    why = f"{failure.name}: {failure.why}"
    return AuthorStanding(mailbox=mailbox, standing=Standing.TEMPERROR, why=why)
