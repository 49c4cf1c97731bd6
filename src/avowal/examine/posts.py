"""What a mailing list takes from the examination of a post."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from avowal.agenda import Agenda, Rank
from avowal.arc.verdict import result_of
from avowal.authres import MethodResult
from avowal.dkim.results import results_of
from avowal.dkim.verification import Verification
from avowal.examine.examination import Examination
from avowal.examine.findings import Findings, Receiver, Want
from avowal.lists.advice import AuthorPolicy, AuthorWish
from avowal.lookup import Failure, Steps
from avowal.mailbox import Authors
from avowal.message import Field, Header, Message
from avowal.names import DomainName
from avowal.policy.assessment import Assessment, Choice, PolicyGeneration
from avowal.policy.authentication_results import dmarc_result, spf_result
from avowal.policy.evidence import SignatureResult
from avowal.policy.result import PolicyResult
from avowal.policy.wishes import Wish, wishes

CHOICE: Final = Choice(
    generations=(
        PolicyGeneration.DMARC_2026,
        PolicyGeneration.ADSP,
        PolicyGeneration.SSP_2007,
        PolicyGeneration.SSP_2005,
    ),
    atps=True,
)
"""The policies that say how an author's domain takes lists that break signatures."""
SOMEBODY: Final = DomainName.parse(b"list.invalid")
"""The signer that stands for a list whose domain is not known (RFC 2606 §2)."""


def list_choice(choice: Choice = CHOICE) -> Choice:
    """Return a receiver's own choice with every generation that matters to lists in it."""
    added = (one for one in CHOICE.generations if not _covers(choice, one))
    return replace(choice, generations=(*choice.generations, *added))


def _covers(choice: Choice, generation: PolicyGeneration) -> bool:
    dmarc = (PolicyGeneration.DMARC_2015, PolicyGeneration.DMARC_2026)
    same = dmarc if generation in dmarc else (generation,)
    return any(one in choice.generations for one in same)


def is_authenticated(
    author: DomainName, assessment: Assessment | None, signers: Collection[DomainName]
) -> bool:
    """Whether something shows that an author's domain sent a message, whatever policy it has.

    Its own passing signature does, or one of a domain above it, whoever passes its DMARC, and
    whom it authorized (RFC 6541).  `signers` are the domains of the signatures that count.
    """
    if any(author.is_within(signer) for signer in signers):
        return True
    if assessment is None:
        return False
    authorized = () if assessment.atps is None else assessment.atps.authorized
    evaluations = () if assessment.dmarc is None else assessment.dmarc.evaluations
    return any(author.same_as(domain) for domain in authorized) or any(
        one.result is PolicyResult.PASS and author.same_as(one.domain) for one in evaluations
    )


def author_policies(
    findings: Findings,
    header: Header,
    receiver: Receiver,
    *,
    signer: DomainName = SOMEBODY,
) -> Steps[tuple[AuthorPolicy, ...]]:
    """Return what each author's domain asks for, and what would meet it; asks what is open.

    `signer` is the domain the list signs with, after its changes.
    """
    passing = [one for one in findings.dkim if one.passed]
    read = [(one.place, SignatureResult.of(one)) for one in passing]
    known = [(place, result) for place, result in read if result is not None]
    own = SignatureResult(domain=signer, result="pass")
    authors = Authors.of(header, limits=receiver.limits)
    asked = yield from wishes(
        header,
        receiver.choice,
        [own, *(result for _, result in known)],
        authors=authors,
        limits=receiver.limits,
    )
    signers = [result.domain for _, result in known]
    places = [place for place, _ in known]
    return tuple(
        AuthorPolicy(
            domain=domain,
            wishes=tuple(_told(wish, places) for wish in asked if wish.domain.same_as(domain)),
            authenticated=is_authenticated(domain, findings.policies, signers),
        )
        for domain in authors.domains
    )


def unmet_of_list(address: bytes, receiver: Receiver, signer: DomainName) -> Steps[tuple[str, ...]]:
    """Return what the domain of a list's own address asks for that its signature does not meet.

    Where there is something, From must not be rewritten to that address.
    """
    header = Header.of([Field.of(b"From: <" + address + b">")])
    own = SignatureResult(domain=signer, result="pass")
    authors = Authors.of(header, limits=receiver.limits)
    asked: tuple[Wish, ...] = ()
    if authors.domains:
        asked = yield from wishes(
            header, receiver.choice, (own,), authors=authors, limits=receiver.limits
        )
    return tuple(wish.sentence for wish in asked if not wish.met_by)


def _told(wish: Wish, places: list[int]) -> AuthorWish:
    """Return a wish in words, met by the list (number 0) and by signatures at these places."""
    return AuthorWish(
        text=wish.text,
        refuses=wish.refuses,
        discards=wish.discards,
        met_by=frozenset(place for n, place in enumerate(places, 1) if n in wish.met_by),
        met_by_list=0 in wish.met_by,
    )


def recorded_results(findings: Findings) -> tuple[MethodResult, ...]:
    """Return the results that a list records before it signs (RFC 6377 §5.7)."""
    results = [*results_of(findings.dkim)]
    if findings.spf is not None:
        results.append(spf_result(findings.spf.envelope))
    if findings.policies is not None and findings.policies.dmarc is not None:
        results.append(dmarc_result(findings.policies.dmarc))
    if findings.arc is not None:
        results.append(result_of(findings.arc))
    return tuple(results)


def as_it_leaves(
    outgoing: Message, arrived: Findings, receiver: Receiver, *, now: int
) -> tuple[Verification, ...]:
    """Verify a changed message with the keys its arrival asked for; nothing is asked."""
    agenda = Agenda(known=arrived.answers)
    examination = Examination(outgoing.header, receiver, Want.DKIM, now=now, agenda=agenda)
    examination.feed(outgoing.body)
    agenda.close(Failure.DEADLINE)
    return agenda.add(examination.finish(), Rank.REST).value.dkim
