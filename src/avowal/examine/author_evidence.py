"""All that speaks for or against one domain that a message shows as its author's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

from avowal.arc.verdict import ChainVerification
from avowal.dates import seconds_of
from avowal.dkim.reasons import Result
from avowal.dkim.verification import Verification
from avowal.examine.acceptance import Acceptance
from avowal.examine.coverage import Coverage, coverage_of
from avowal.examine.findings import Findings
from avowal.examine.judgement import Ground, Voucher
from avowal.examine.shown_names import others_than, shown_domains
from avowal.examine.trusted_chain import saw_pass, untrusted_sealer
from avowal.mailbox import HIDING, Authors, Problem
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import DomainEvaluation
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.result import PolicyResult

_SKEW = 300  # seconds that a signature may be made in the future, as Rules.clock_skew
_AMBIGUOUS: Final = HIDING | {Problem.SEVERAL_FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorEvidence:
    """The evidence about one author domain; every aligned pass, the best one first.

    `doubt` is why the shown authors are not certain, `best` the passing signature of the
    domain that counts most.  `age` belongs to what vouches, in seconds, None where unknown.
    `strangers` are the vouchers whose domain has no more than a public suffix in common.
    """

    domain: DomainName
    evaluation: DomainEvaluation
    accepted: Acceptance
    doubt: Ground | None
    impersonates: bool
    best: Coverage | None
    age: int | None
    chain: bool
    chain_age: int | None
    spf: bool
    strangers: frozenset[Voucher]
    unknown: bool
    broken: bool
    others: bool

    @property
    def refused(self) -> bool:
        """Whether the policy in force (sp=, np= and t=y applied) asks for more than nothing."""
        failed = self.evaluation.result is PolicyResult.FAIL
        return failed and self.evaluation.disposition is not Policy.NONE

    @property
    def whole(self) -> bool:
        """Whether the best signature covers all that is shown."""
        return self.best is not None and self.best.complete

    @property
    def shortfall(self) -> Ground:
        """What is missing, where nothing vouches."""
        if self.broken:
            return Ground.BROKEN
        return Ground.UNALIGNED if self.others else Ground.UNSIGNED

    def is_suffix(self, by: Voucher | None) -> bool:
        """Whether the domain belongs to no organization, or not to that of what vouches."""
        record, domain = self.evaluation.record, self.domain.ascii
        if record is not None and record.psd == "y" and self.evaluation.record_domain == domain:
            return True
        return self.accepted.is_suffix(domain) or by in self.strangers


class _Organization(NamedTuple):
    """The organization of an author's domain, as far as public suffixes are known.

    By DNS alone it may be a suffix that publishes a policy without psd=y (RFC 9989 §4.10.2):
    then every customer of a registry would speak for every other.
    """

    author: DomainName
    is_suffix: Callable[[str], bool]

    def lacks(self, name: DomainName) -> bool:
        """Whether a name has no more in common with the author's domain than a suffix."""
        pairs = zip(reversed(self.author.labels), reversed(name.labels), strict=False)
        common = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
        return self.is_suffix(".".join(reversed(common)))


def evidence_of(
    header: Header, findings: Findings, accepted: Acceptance, *, now: int | None
) -> tuple[AuthorEvidence, ...]:
    """Return the evidence for each shown domain; none where no domain is shown."""
    authors, assessment = findings.authors, findings.policies
    if authors is None or assessment is None or assessment.dmarc is None:
        return ()
    whole = header.beyond is None
    shown = shown_domains(header) if whole and not authors.too_many else ()
    covers = [coverage_of(one, header, unsigned=accepted.unsigned) for one in findings.dkim]
    passing = [cover for cover in covers if cover is not None and whole]
    evaluations = assessment.dmarc.evaluations
    organizations = [name for one in evaluations for name in _organizations(one, accepted)]
    impersonates = shown is None or bool(others_than(shown, organizations))
    found = []
    for evaluation in evaluations:
        organization = _Organization(evaluation.domain, accepted.is_suffix)
        own = [c for c in passing if _aligned(evaluation, c)]
        own.sort(key=lambda cover: _order(cover, organization, header, now))
        failing = [v for v in findings.dkim if v.signature is not None and not v.passed]
        near = [v for v in failing if _is_near(evaluation, v)]
        chain = findings.arc if whole else None
        found.append(
            AuthorEvidence(
                domain=evaluation.domain,
                evaluation=evaluation,
                accepted=accepted,
                doubt=doubt_of(header, authors),
                impersonates=impersonates,
                best=own[0] if own else None,
                age=_age(own[0].verification, header, now) if own else None,
                chain=chain is not None and _vouches(chain, header, evaluation, accepted),
                chain_age=None if chain is None else _chain_age(chain, now),
                spf=whole and _spf_passes(evaluation, findings),
                strangers=frozenset(_strangers(organization, own[:1], findings.envelope)),
                unknown=_is_unknown(evaluation, findings),
                broken=any(v.result is not Result.TEMPERROR for v in near),
                others=bool(passing)
                or (findings.envelope is not None and findings.envelope.passed),
            )
        )
    return tuple(found)


def doubt_of(header: Header, authors: Authors) -> Ground | None:
    """Return why it cannot be told whom readers show; None where all show the same."""
    if authors.too_many:
        return Ground.TOO_MANY_AUTHORS
    if header.beyond is not None:
        return Ground.TOO_LARGE
    if not authors.domains:
        return Ground.NO_AUTHOR
    problems = authors.problems
    # Of a field that breaks the grammar all domains are known, but not which address is shown.
    unclear = Problem.MALFORMED in problems and len(authors.mailboxes) != 1
    return Ground.AMBIGUOUS if unclear or not _AMBIGUOUS.isdisjoint(problems) else None


def _order(
    cover: Coverage, organization: _Organization, header: Header, now: int | None
) -> tuple[bool, bool, bool, int]:
    """The organization's own first, then those that cover all, and of those the youngest."""
    age = _age(cover.verification, header, now)
    stranger = organization.lacks(cover.signature.domain)
    return (stranger, not cover.complete, age is None, age or 0)


def _aligned(evaluation: DomainEvaluation, cover: Coverage) -> bool:
    """Equal names are aligned in either mode, whatever is known of a policy (RFC 9989 §4.4)."""
    domain = cover.signature.domain
    return domain.same_as(evaluation.domain) or any(
        a.aligned and a.mechanism == "dkim" and a.domain.same_as(domain)
        for a in evaluation.alignments
    )


def _is_near(evaluation: DomainEvaluation, verification: Verification) -> bool:
    signature = verification.signature
    if signature is None:
        return False
    signer, author = signature.domain, evaluation.domain
    return signer.is_within(author) or ("." in signer.ascii and author.is_within(signer))


def _strangers(
    organization: _Organization, own: Sequence[Coverage], envelope: EnvelopeResult | None
) -> Iterator[Voucher]:
    if own and organization.lacks(own[0].signature.domain):
        yield "dkim"
    if envelope is not None and envelope.domain is not None and organization.lacks(envelope.domain):
        yield "spf"


def _organizations(evaluation: DomainEvaluation, accepted: Acceptance) -> tuple[DomainName, ...]:
    """The names whose addresses belong to the author's organization, as far as DNS says so."""
    record, place = evaluation.record, evaluation.record_domain
    if record is None or place is None or record.psd == "y" or accepted.is_suffix(place):
        return (evaluation.domain,)
    return (evaluation.domain, DomainName(place, place))


def _spf_passes(evaluation: DomainEvaluation, findings: Findings) -> bool:
    envelope = findings.envelope
    if envelope is None or not envelope.passed or envelope.domain is None:
        return False
    return envelope.domain.same_as(evaluation.domain) or evaluation.spf_aligned


def _is_unknown(evaluation: DomainEvaluation, findings: Findings) -> bool:
    """Whether a temporary error stands where it matters: policy, aligned key, aligned SPF."""
    if evaluation.result is PolicyResult.TEMPERROR:
        return True
    if evaluation.record is not None:  # DMARC knows of the aligned ones
        return False
    envelope = findings.envelope
    late = [v.signature for v in findings.dkim if v.result is Result.TEMPERROR]
    names = [signature.domain for signature in late if signature is not None]
    if envelope is not None and envelope.domain is not None and envelope.result == "temperror":
        names.append(envelope.domain)
    return any(name.same_as(evaluation.domain) for name in names)


def _vouches(
    chain: ChainVerification, header: Header, evaluation: DomainEvaluation, accepted: Acceptance
) -> bool:
    """Whether a chain of trusted sealers saw this author pass, and covers what is shown."""
    if not accepted.sealers or not chain.passed or not chain.message_signatures:
        return False
    if untrusted_sealer(chain, accepted.trusts_sealer) is not None:
        return False
    newest = coverage_of(chain.message_signatures[0], header, unsigned=accepted.unsigned)
    return newest is not None and newest.complete and saw_pass(chain, evaluation.domain)


def _age(verification: Verification, header: Header, now: int | None) -> int | None:
    """Return how old a signature is, by t= or the Date it signs; None for the future."""
    signature = verification.signature
    if signature is None or now is None:
        return None
    made = signature.timestamp
    if made is None and b"date" in signature.signed_names:
        dates = header.named(b"date")
        made = seconds_of(dates[-1].value) if dates else None
    return None if made is None else _elapsed(made, now)


def _chain_age(chain: ChainVerification, now: int | None) -> int | None:
    """Return how long ago the first of the sealers that tell the time sealed."""
    times = [one.seal.timestamp for one in chain.chain.sets if one.seal.timestamp is not None]
    return None if now is None or not times else _elapsed(min(times), now)


def _elapsed(made: int, now: int) -> int | None:
    return None if made > now + _SKEW else max(now - made, 0)
