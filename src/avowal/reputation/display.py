"""Who answers for this message, for a person to see (RFC 6376 appendix D).

The address is shown, never the display name alone (RFC 4686 §4.1.15); a name in another
script is shown in both forms (§4.2.2).  A signature says who took responsibility, not that
they are honest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from avowal.dkim.verification import Verification
from avowal.enums import Word
from avowal.examine.judgement import Authenticity, Ground, Judgement
from avowal.mailbox import Authors, Mailbox
from avowal.message import Header
from avowal.names import DomainName
from avowal.tokens import unquoted


class AuthorMatch(Enum):
    """How those who answer for a message fit the author a reader sees."""

    AUTHOR = "the author's own domain answers for it"
    RELATED = "a domain above or below the author's answers for it"
    OTHER = "somebody else answers for it"
    NOBODY = "nobody answers for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """What to show: the authors' addresses, those who signed, and what does not fit.

    `signed_fields` are the names of the header fields that are there and that every passing
    signature covers, `whole_body` whether one of them covers the body to its end.
    """

    match: AuthorMatch
    authors: tuple[str, ...]
    signers: tuple[str, ...]
    signed_fields: frozenset[bytes] = frozenset()
    whole_body: bool = False
    notes: tuple[str, ...] = ()


class Advice(Word):
    """What a mail program does best with what was found; never a mark for a mere signature."""

    MARK = "mark", "show the author's address with a mark: its domain vouches for what is shown"
    NAME = "name", "show the author's address, and beside it who signed; no mark"
    PLAIN = "plain", "show the author's address alone: that nobody signed it says nothing"
    WARN = "warn", "show the author's address instead of the display name, and what does not fit"


_MISLEADING: Final = frozenset((
    Ground.AMBIGUOUS, Ground.IMPERSONATES, Ground.TOO_MANY_AUTHORS, Ground.NO_AUTHOR,
))  # fmt: skip


def advice(shown: Display, judged: Judgement) -> Advice:
    """Say what a program should show, by what was verified and how the message was judged.

    A mark has to fit what the reader sees, so it takes a judgement that is AUTHENTIC: the
    author's own domain signed From, Subject, Date and the whole body, and From shows no other
    organization's address.
    """
    if judged.authentic:
        return Advice.MARK
    refused = judged.answer is Authenticity.NOT_AUTHENTIC
    if refused or judged.ground in _MISLEADING or shown.notes:
        return Advice.WARN
    return Advice.NAME if shown.signers else Advice.PLAIN


def display(header: Header, verifications: Iterable[Verification]) -> Display:
    """Compare what a reader sees with what was verified."""
    authors = Authors.of(header)
    passing = [v.signature for v in verifications if v.passed and v.signature is not None]
    signers = tuple({s.domain.ascii: s.domain for s in passing}.values())
    there = header.positions.keys()
    covered = [frozenset(signature.signed_names).intersection(there) for signature in passing]
    return Display(
        match=_match(authors.domains, signers),
        authors=tuple(_address(mailbox) for mailbox in authors.mailboxes),
        signers=tuple(_both_forms(domain) for domain in signers),
        signed_fields=frozenset.intersection(*covered) if covered else frozenset(),
        whole_body=any(signature.body_length is None for signature in passing),
        notes=(*(_misleading(m) for m in authors.mailboxes if _misleads(m)), *_oddities(authors)),
    )


def _match(authors: Iterable[DomainName], signers: tuple[DomainName, ...]) -> AuthorMatch:
    """Each author has to be answered for: the weakest decides."""
    if not signers:
        return AuthorMatch.NOBODY
    order = (AuthorMatch.AUTHOR, AuthorMatch.RELATED, AuthorMatch.OTHER)
    matches = [
        AuthorMatch.AUTHOR
        if any(author.same_as(signer) for signer in signers)
        else AuthorMatch.RELATED
        if any(author.is_within(signer) or signer.is_within(author) for signer in signers)
        else AuthorMatch.OTHER
        for author in authors
    ]
    return max(matches, key=order.index, default=AuthorMatch.OTHER)


def _address(mailbox: Mailbox) -> str:
    local_part = mailbox.local_part.decode("utf-8", "backslashreplace")
    if mailbox.domain is None:
        return str(mailbox)
    return f"{local_part}@{_both_forms(mailbox.domain)}"


def _both_forms(domain: DomainName) -> str:
    """Show a name as written and in A-labels, where they differ (RFC 4686 §4.2.2)."""
    text = domain.text.lower()
    return domain.ascii if text == domain.ascii else f"{text} ({domain.ascii})"


def _misleads(mailbox: Mailbox) -> bool:
    """Whether the display name looks like another address."""
    shown = unquoted(mailbox.display).lower()
    return b"@" in shown and mailbox.written_domain.lower() not in shown


def _misleading(mailbox: Mailbox) -> str:
    shown = unquoted(mailbox.display).decode("utf-8", "backslashreplace")
    return f"the display name {shown!r} looks like another address than {mailbox}"


def _oddities(authors: Authors) -> Iterable[str]:
    return (f"From: {problem.sentence}" for problem in authors.problems)
