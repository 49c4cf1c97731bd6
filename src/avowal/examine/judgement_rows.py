"""Is a message really from whom it says?  The table, row by row, and the answer by it.

For each domain that is shown as author the first row that applies gives the answer, and what
vouches stands before what does not; over several domains the least stands.  Nothing here asks,
and nothing is weighed: whoever adds to a message can only take a voucher away, bring a row
about that stands for less, or a domain whose answer is less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from avowal.addresslist import read
from avowal.examine.acceptance import Acceptance
from avowal.examine.author_evidence import AuthorEvidence, doubt_of, evidence_of
from avowal.examine.findings import Findings
from avowal.examine.judgement import Authenticity, Ground, Hint, Judgement, Voucher
from avowal.examine.shown_names import display_name
from avowal.mailbox import Authors, Mailbox
from avowal.message import Header

_NOT, _OPEN, _YES = Authenticity


class Row(NamedTuple):
    """A row of the table: when it applies, the answer, and why; `by` is what vouches."""

    number: int
    applies: Callable[[AuthorEvidence], bool]
    answer: Authenticity
    ground: Callable[[AuthorEvidence], Ground]
    by: Voucher | None = None


def _always(ground: Ground) -> Callable[[AuthorEvidence], Ground]:
    return lambda evidence: ground


def _shortfall(evidence: AuthorEvidence) -> Ground:
    return evidence.shortfall


def _doubt(evidence: AuthorEvidence) -> Ground:
    return evidence.doubt or Ground.AMBIGUOUS


# Deliberate, in row 1: of authors beyond the limit nobody was asked, so the least of their
# answers has to be taken; else further authors could lift the answer of those that refuse.
ROWS: Final[tuple[Row, ...]] = (
    Row(1, lambda e: e.doubt is Ground.TOO_MANY_AUTHORS, _NOT, _doubt),
    Row(1, lambda e: e.doubt is not None and e.refused, _NOT, _shortfall),
    Row(1, lambda e: e.doubt is not None, _OPEN, _doubt),
    Row(2, lambda e: e.impersonates and e.refused, _NOT, _shortfall),
    Row(2, lambda e: e.impersonates, _OPEN, _always(Ground.IMPERSONATES)),
    Row(3, lambda e: e.whole, _YES, _always(Ground.SIGNED), "dkim"),
    Row(4, lambda e: e.best is not None, _OPEN, _always(Ground.WEAKLY_COVERED)),
    Row(5, lambda e: e.chain, _YES, _always(Ground.ARC), "arc"),
    Row(6, lambda e: e.spf and e.accepted.spf, _YES, _always(Ground.SPF), "spf"),
    Row(6, lambda e: e.spf, _OPEN, _always(Ground.SPF_ONLY)),
    Row(7, lambda e: e.unknown, _OPEN, _always(Ground.DNS)),
    Row(8, lambda e: e.refused, _NOT, _shortfall),
    Row(9, lambda e: e.broken, _OPEN, _always(Ground.BROKEN)),
    Row(10, lambda e: True, _OPEN, _always(Ground.UNSIGNED)),
)


def _is_old(evidence: AuthorEvidence, by: Voucher | None) -> bool:
    """SPF speaks of the connection at hand: it has no age."""
    most = evidence.accepted.max_age
    if most is None or by == "spf":
        return False
    age = evidence.chain_age if by == "arc" else evidence.age
    return age is None or age > most


# What takes an AUTHENTIC back to CANNOT_TELL, by what vouches.
_CAPS: Final[tuple[tuple[Callable[[AuthorEvidence, Voucher | None], bool], Ground], ...]] = (
    (lambda evidence, by: evidence.is_suffix(by), Ground.PUBLIC_SUFFIX),
    (_is_old, Ground.OLD),
)
_DOUBTS: Final = 2  # rows up to this one say that it does not matter who vouches


class _Answered(NamedTuple):
    evidence: AuthorEvidence
    row: Row
    answer: Authenticity
    ground: Ground


def judge(
    header: Header, findings: Findings, accepted: Acceptance, *, now: int | None
) -> Judgement:
    """Return the answer about a message; `findings` have to be those of a DMARC receiver.

    Raises nothing, whatever the octets and the answers.
    """
    authors = findings.authors or Authors.of(header)
    evidence = evidence_of(header, findings, accepted, now=now)
    if not evidence:
        return _without_author(header, findings, authors)
    answered = [_answered(one) for one in evidence]
    # Of equal answers the one that stays when DNS answers gives the reason.
    least = min(answered, key=lambda one: (one.answer.rank, one.ground is Ground.DNS))
    return _judgement(header, findings, authors, least)


def _answered(evidence: AuthorEvidence) -> _Answered:
    """Take the first row that applies; one by which something vouches stands before the others.

    Deliberate: a chain or a connection that the program accepts counts also beside a signature
    that is weak or old (row 4, `OLD`), for whoever breaks that signature would raise the answer.
    """
    applying = [row for row in ROWS if row.applies(evidence)]
    first = applying[0]
    if first.number > _DOUBTS:
        for row in applying:
            if row.answer is _YES and _cap(evidence, row) is None:
                return _Answered(evidence, row, _YES, row.ground(evidence))
    if first.answer is _YES:
        return _Answered(evidence, first, _OPEN, _cap(evidence, first) or Ground.OLD)
    return _Answered(evidence, first, first.answer, first.ground(evidence))


def _cap(evidence: AuthorEvidence, row: Row) -> Ground | None:
    return next((ground for holds, ground in _CAPS if holds(evidence, row.by)), None)


def _without_author(header: Header, findings: Findings, authors: Authors) -> Judgement:
    ground = doubt_of(header, authors) or Ground.NO_AUTHOR
    return Judgement(
        answer=_NOT if ground is Ground.TOO_MANY_AUTHORS else _OPEN,
        ground=ground,
        row=1,
        authors=tuple(map(_address, authors.mailboxes)),
        forwarded_by=_sealers(findings),
        problems=authors.problems,
    )


def _judgement(
    header: Header, findings: Findings, authors: Authors, answered: _Answered
) -> Judgement:
    evidence, row = answered.evidence, answered.row
    by = row.by if answered.answer is _YES else None
    best = evidence.best
    mailboxes = authors.mailboxes
    covered: tuple[bytes, ...] = ()
    if by == "arc" and findings.arc is not None:
        signed = findings.arc.message_signatures[0].signature
        covered = () if signed is None else signed.signed_names
    elif by == "dkim" and best is not None:
        covered = best.names
    proven = by == "dkim" and best is not None and best.covers(b"reply-to", header)
    return Judgement(
        answer=answered.answer,
        ground=answered.ground,
        row=row.number,
        domain=evidence.domain.ascii,
        author=_address(mailboxes[0]) if len(mailboxes) == 1 else None,
        authors=tuple(map(_address, mailboxes)),
        display_name=display_name(mailboxes[0]) if len(mailboxes) == 1 else "",
        by=by,
        covered=tuple(dict.fromkeys(name.decode() for name in covered if name in header.positions)),
        age=evidence.chain_age if row.by == "arc" else evidence.age,
        reply_to_proven=proven,
        forwarded_by=_sealers(findings),
        hints=tuple(_hints(header, evidence)),
        warnings=() if best is None else best.verification.warnings,
        problems=authors.problems,
    )


def _hints(header: Header, evidence: AuthorEvidence) -> Iterable[Hint]:
    best, recipients = evidence.best, evidence.accepted.recipients
    if best is not None:
        if b"to" not in best.signature.signed_names:
            yield Hint.TO_UNSIGNED
        if not best.covers(b"cc", header):
            yield Hint.CC_UNSIGNED
        if evidence.age is None:
            yield Hint.NO_AGE
    if recipients and not _named(header, recipients):
        yield Hint.NOT_NAMED


def _named(header: Header, recipients: Iterable[str]) -> bool:
    """Whether To or Cc names one of the addresses; capitals make no difference."""
    wanted = {address.strip().lower() for address in recipients}
    fields = (*header.named(b"to"), *header.named(b"cc"))
    return any(
        not wanted.isdisjoint((str(mailbox).lower(), _address(mailbox).lower()))
        for field in fields
        for mailbox in read(field.value).mailboxes
    )


def _address(mailbox: Mailbox) -> str:
    if mailbox.domain is None:
        return str(mailbox)
    return f"{mailbox.local_part.decode('utf-8', 'backslashreplace')}@{mailbox.domain.ascii}"


def _sealers(findings: Findings) -> tuple[str, ...]:
    chain = findings.arc
    if chain is None or not chain.passed:
        return ()
    return tuple(arc_set.seal.domain.ascii for arc_set in chain.chain.sets)
