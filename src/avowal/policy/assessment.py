"""What the engine is asked, what it says about a message, and how single results become that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from avowal.enums import Word
from avowal.lookup import Answer, Question
from avowal.mailbox import Authors
from avowal.members import refuse_single
from avowal.names import DomainName
from avowal.policy.adsp import Adsp, AdspResult
from avowal.policy.atps import Atps
from avowal.policy.dmarc.evaluate import STANDARD, DmarcRules
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.practices import Practices, Standing
from avowal.policy.result import PolicyResult
from avowal.policy.trace import Trace, TraceStep
from avowal.policy.vbr import Vbr


class PolicyGeneration(Word):
    """The ways in which domains have said how they sign, by the year or name in use."""

    DOMAINKEYS = "domainkeys", "DomainKeys, RFC 4870 §3.6"
    SSP_2005 = "2005", "draft-allman-dkim-ssp-00 and -01"
    SSP_2007 = "2007", "draft-ietf-dkim-ssp-01"
    ADSP = "adsp", "RFC 5617"
    DMARC_2015 = "2015", "DMARC, RFC 7489"
    DMARC_2026 = "2026", "DMARC, RFC 9989"


CLAUSES = {
    PolicyGeneration.DOMAINKEYS: "RFC 4870 §3.6",
    PolicyGeneration.SSP_2005: "draft-allman-dkim-ssp-01 §5",
    PolicyGeneration.SSP_2007: "draft-ietf-dkim-ssp-01 §4.4",
    PolicyGeneration.ADSP: "RFC 5617 §4.3",
    PolicyGeneration.DMARC_2015: "RFC 7489 §6.6.2",
    PolicyGeneration.DMARC_2026: "RFC 9989 §5.4",
}


class PolicyDisposition(StrEnum):
    """What is done with a message, from the mildest to the strictest.

    What is put off is not delivered, what is quarantined is; not knowing asks for nothing
    unless the receiver chose to put such mail off (`Choice.tempfail`).
    """

    ACCEPT = "accept"
    QUARANTINE = "quarantine"
    TEMPFAIL = "tempfail"
    REJECT = "reject"
    DISCARD = "discard"

    @property
    def severity(self) -> int:
        """0 for the mildest, 4 for the strictest."""
        return tuple(PolicyDisposition).index(self)


class Handling(Word):
    """How far a receiver follows what domains ask."""

    REPORT = "report", "say what was found, change nothing"
    CAUTIOUS = "cautious", "quarantine at most: p=reject alone rejects nothing (RFC 9989 §7.4)"
    FULL = "full", "as asked"


Detail: TypeAlias = Evaluation | Adsp | Practices


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a receiver wants to know, and what it does about it.

    `deciding` are the generations whose wishes count, all of them when None; `certifiers`
    are trusted to vouch (RFC 5518), none of them by default; `third_parties` are the
    signers whose signatures count for other authors under SSP, everybody's when None;
    `tempfail` answers a temperror of a deciding generation with "later" instead of letting
    the message pass (RFC 9989 §4.10.1 allows both).
    """

    generations: tuple[PolicyGeneration, ...] = (PolicyGeneration.DMARC_2026,)
    deciding: tuple[PolicyGeneration, ...] | None = None
    handling: Handling = Handling.REPORT
    tempfail: bool = False
    atps: bool = False
    certifiers: tuple[DomainName, ...] = ()
    third_parties: tuple[DomainName, ...] | None = None
    dmarc: DmarcRules = field(default=STANDARD)

    def __post_init__(self) -> None:
        refuse_single("certifiers", self.certifiers, DomainName)
        if self.third_parties is not None:
            refuse_single("third_parties", self.third_parties, DomainName)

    def accepts(self, signature: SignatureResult) -> bool:
        """Whether a third party's signature counts here."""
        trusted = self.third_parties
        return trusted is None or any(signature.domain.is_within(d) for d in trusted)

    def decides(self, generation: PolicyGeneration) -> bool:
        """Whether the wishes of a generation count."""
        return self.deciding is None or generation in self.deciding

    def __str__(self) -> str:
        """Name each generation that is asked for, whether it decides, and its section."""
        return "; ".join(
            f"{one} {'decides' if self.decides(one) else 'is reported'} ({CLAUSES[one]})"
            for one in self.generations
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationVerdict:
    """One generation's verdict.

    `word` is its own word (RFC 8601 for adsp and DMARC), `standing` the same in terms all
    generations share, `asks` what the domain wants done, `unknown` whether the policy of some
    author could not be had for now.  `detail` is the whole result.
    """

    generation: PolicyGeneration
    word: str
    standing: Standing
    asks: PolicyDisposition
    unknown: bool
    why: str
    detail: Detail

    @property
    def clause(self) -> str:
        """The section that decides by what the record says."""
        return CLAUSES[self.generation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What all policies together say about a message.

    `signatures` holds every one that was checked, passing or not (RFC 9989 §5.3.3);
    `differences` says where RFC 7489 and RFC 9989 part, if both were asked for; `answers` is
    what DNS said, perhaps more than was needed in the end.
    """

    authors: Authors
    signatures: tuple[SignatureResult, ...]
    envelope: EnvelopeResult | None
    verdicts: tuple[GenerationVerdict, ...]
    atps: Atps | None
    vbr: Vbr | None
    disposition: PolicyDisposition
    decided_by: PolicyGeneration | None
    differences: tuple[str, ...]
    trace: Trace
    answers: Mapping[Question, Answer] = field(default_factory=dict, compare=False, repr=False)

    @property
    def unprotected(self) -> tuple[Question, ...]:
        """The questions whose answers came without DNSSEC (RFC 5016 §6 item 3)."""
        return tuple(question for question, answer in self.answers.items() if not answer.secure)

    def of(self, generation: PolicyGeneration) -> GenerationVerdict | None:
        """Return the verdict of one generation, None when it was not asked for."""
        return next((v for v in self.verdicts if v.generation is generation), None)

    @property
    def dmarc(self) -> Evaluation | None:
        """The evaluation by RFC 9989, or by RFC 7489 when only that was asked for."""
        for generation in (PolicyGeneration.DMARC_2026, PolicyGeneration.DMARC_2015):
            verdict = self.of(generation)
            if verdict is not None and isinstance(verdict.detail, Evaluation):
                return verdict.detail
        return None

    @property
    def adsp(self) -> Adsp | None:
        """The evaluation by RFC 5617, None when it was not asked for."""
        verdict = self.of(PolicyGeneration.ADSP)
        return verdict.detail if verdict and isinstance(verdict.detail, Adsp) else None


# -- from the results of single mechanisms to one verdict ------------------------------------

_ACCEPT, _QUARANTINE = PolicyDisposition.ACCEPT, PolicyDisposition.QUARANTINE
_SEVERITY = {one: one.severity for one in PolicyDisposition}

# What a word of RFC 5617 §5.4 means, and what the domain wants done.
ADSP = {
    AdspResult.PASS: (Standing.ACCEPT, _ACCEPT),
    AdspResult.NONE: (Standing.NEUTRAL, _ACCEPT),
    AdspResult.UNKNOWN: (Standing.NEUTRAL, _ACCEPT),
    AdspResult.PERMERROR: (Standing.PERMERROR, _ACCEPT),
    AdspResult.FAIL: (Standing.SUSPICIOUS, _QUARANTINE),
    AdspResult.NXDOMAIN: (Standing.SUSPICIOUS, _QUARANTINE),
    AdspResult.TEMPERROR: (Standing.TEMPERROR, _ACCEPT),
    AdspResult.DISCARD: (Standing.SUSPICIOUS, PolicyDisposition.DISCARD),
}
# The same for RFC 9989 §9.2; a fail is suspicious as far as the domain asks for something.
DMARC = {
    PolicyResult.PASS: Standing.ACCEPT,
    PolicyResult.NONE: Standing.NEUTRAL,
    PolicyResult.FAIL: Standing.SUSPICIOUS,
    PolicyResult.TEMPERROR: Standing.TEMPERROR,
    PolicyResult.PERMERROR: Standing.PERMERROR,
}
ASKED = {
    Policy.NONE: _ACCEPT,
    Policy.QUARANTINE: _QUARANTINE,
    Policy.REJECT: PolicyDisposition.REJECT,
}
# The mildest and strictest thing that each handling does.
_STRICTEST = {
    Handling.REPORT: _ACCEPT,
    Handling.CAUTIOUS: _QUARANTINE,
    Handling.FULL: PolicyDisposition.DISCARD,
}


def verdict_of(generation: PolicyGeneration, detail: Detail, authors: Authors) -> GenerationVerdict:
    """Say what one result means; without an author it follows from what is wrong with From."""
    if isinstance(detail, Practices):
        standing = detail.standing
        suspicious = standing is Standing.SUSPICIOUS
        asks = _QUARANTINE if suspicious else _ACCEPT
        why = "" if detail.decisive is None else detail.decisive.why
    elif isinstance(detail, Adsp):
        standing, asks = ADSP[detail.result]
        why = "" if detail.decisive is None else detail.decisive.why
    else:
        standing, asks = DMARC[detail.result], ASKED[detail.disposition]
        if standing is Standing.SUSPICIOUS and asks is _ACCEPT:
            standing = Standing.NEUTRAL  # p=none changes nothing (RFC 9989 §5.4)
        why = _why(detail)
    if not isinstance(detail, Evaluation) and detail.beyond and asks in (_ACCEPT, _QUARANTINE):
        asks = PolicyDisposition.REJECT  # as for DMARC: who was not asked may ask for it
    word = standing.value if isinstance(detail, Practices) else detail.result.value
    return GenerationVerdict(
        generation=generation,
        word=word,
        standing=standing,
        asks=asks,
        unknown=detail.unknown,
        why=why or "; ".join(f"From: {problem.sentence}" for problem in authors.problems),
        detail=detail,
    )


def combined(
    verdicts: tuple[GenerationVerdict, ...], choice: Choice
) -> tuple[PolicyDisposition, PolicyGeneration | None, Trace]:
    """Say what is done: the strictest wish that counts, as far as the receiver follows it.

    Where some author's policy is not known and the receiver answers that with "later", it is
    later unless the message is refused anyway: a further author lifts no deferral.
    """
    deciding = [verdict for verdict in verdicts if choice.decides(verdict.generation)]
    verdict = max(deciding, key=lambda v: _SEVERITY[v.asks], default=None)
    if verdict is None:
        return _ACCEPT, None, ()
    follows = min(verdict.asks, _STRICTEST[choice.handling], key=_SEVERITY.__getitem__)
    unknown = next((v for v in deciding if v.unknown), None) if choice.tempfail else None
    if unknown is not None and _SEVERITY[follows] < _SEVERITY[PolicyDisposition.TEMPFAIL]:
        return _concluded(PolicyDisposition.TEMPFAIL, unknown)
    if verdict.asks is _ACCEPT:
        return _ACCEPT, None, ()
    if follows is not verdict.asks:
        subject = f"{verdict.generation} asks {verdict.asks}"
        step = TraceStep("engine", "override", subject, f"handling is {choice.handling}")
        return follows, verdict.generation, (step,)
    return _concluded(verdict.asks, verdict)


def _concluded(
    disposition: PolicyDisposition, verdict: GenerationVerdict
) -> tuple[PolicyDisposition, PolicyGeneration | None, Trace]:
    subject = f"{verdict.generation} asks {disposition}"
    step = TraceStep("engine", "concluded", disposition.value, subject)
    return disposition, verdict.generation, (step,)


def _why(evaluation: Evaluation) -> str:
    decisive = evaluation.decisive
    if decisive is None:
        return ""
    if decisive.failure is not None:
        return f"no answer: {decisive.failure}"
    if decisive.record_domain is None:
        return f"{decisive.domain.ascii} publishes no policy"
    passing = [a for a in decisive.alignments if a.aligned and a.result == "pass"]
    if passing:
        return f"{passing[0].mechanism} {passing[0].domain.ascii} is aligned: {passing[0].why}"
    return f"nothing is aligned, {decisive.tag}={decisive.policy} of {decisive.record_domain}"
