"""DMARC for one message (RFC 9989 §5.3, or RFC 7489 §6.6.2): who wrote it, what passed, what now.

Deliberate: several author domains are each evaluated and the strictest outcome stands
(RFC 9989 §11.5 leaves it to the receiver); RFC 9989 §5.3.1 would stop at more than one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from avowal.addresses import BEYOND_LIMITS
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Steps, together
from avowal.mailbox import Authors
from avowal.names import DomainName
from avowal.policy.dmarc.alignment import (
    Compared,
    Identifier,
    Organizations,
    compare_names,
    identifiers,
    near_to,
)
from avowal.policy.dmarc.discovery import (
    Discovered,
    Discovery,
    Explorer,
    discover_by_suffixes,
    discover_by_walk,
)
from avowal.policy.dmarc.record import DmarcRecord, Policy
from avowal.policy.dmarc.result import DomainEvaluation, Evaluation, Override
from avowal.policy.dmarc.suffixes import SuffixList, public_suffix_list
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.existence import Existence
from avowal.policy.memory import Failed, Memory
from avowal.policy.result import PolicyResult
from avowal.policy.trace import Action, TraceStep


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRules:
    """What this receiver chooses where RFC 9989 leaves a choice."""

    discovery: Discovery = field(
        default=Discovery.TREE_WALK, metadata={"meaning": "how policies are looked for"}
    )
    existence: Existence = field(
        default=Existence.NO_NAME,
        metadata={"meaning": "when np= applies: at NXDOMAIN alone, or without A, AAAA and MX too"},
    )
    suffixes: SuffixList | None = field(
        default=None, metadata={"meaning": "suffix list for RFC 7489; None: the bundled one"}
    )
    sample: int = field(
        default=0,
        metadata={"meaning": "0 to 99, drawn by the caller; below pct= RFC 7489 applies p="},
    )
    unusable_author: Policy = field(
        default=Policy.QUARANTINE,
        metadata={"meaning": "disposition when an author cannot be read"},
    )


STANDARD = DmarcRules()
_OPEN: Final = PolicyResult.TEMPERROR


class Evaluator:
    """DMARC for the authors of one message: what has to be asked, then the verdict.

    `flows` ask: one flow per author and part, so that no author waits for the names of
    another.  `judge` concludes from what they found and asks nothing.  Raises UsageError only
    when `rules` ask for a suffix list that is not installed.
    """

    def __init__(
        self,
        authors: Authors,
        *,
        rules: DmarcRules = STANDARD,
        limits: Limits = DEFAULT,
        memory: Memory | None = None,
    ) -> None:
        self._authors = authors
        self._rules = rules
        suffixes = None
        if rules.discovery is Discovery.SUFFIX_LIST:
            suffixes = rules.suffixes or public_suffix_list()
        self._mechanism = "dmarc" if suffixes is None else "dmarc-7489"
        shared = Memory() if memory is None else memory
        self._found = [
            _Author(
                domain,
                Explorer(limits=limits, memory=shared, mechanism=self._mechanism),
                rules,
                suffixes,
            )
            for domain in authors.domains
        ]

    def policies(self) -> tuple[Steps[None], ...]:
        """Return the flows that look for the policy of each author domain."""
        return tuple([author.discover() for author in self._found])

    def organizations(self, names: Iterable[DomainName]) -> tuple[Steps[None], ...]:
        """Return the flows that learn which of `names` may be aligned with each author."""
        known = tuple(names)
        asking = [(author, near_to(author.domain, known)) for author in self._found]
        return tuple([author.align(near) for author, near in asking if near])

    def judge(
        self, signatures: Iterable[SignatureResult] = (), envelope: EnvelopeResult | None = None
    ) -> Evaluation:
        """Evaluate the message by what the flows found."""
        names = identifiers(signatures, envelope)
        found = tuple([author.judge(names) for author in self._found])
        name = self._mechanism
        steps = [TraceStep(name, "author", str(one)) for one in self._authors.mailboxes[:20]]
        for fault in self._authors.faults[:20]:
            why = f"{fault.problem} at octet {fault.offset}"
            steps.append(TraceStep(name, "discarded", "From", why))
        for author in self._found:
            steps += author.explorer.notes
            steps += author.steps
        return _combined(self._authors, found, self._rules, name, steps)


def evaluate(
    authors: Authors,
    signatures: Iterable[SignatureResult] = (),
    envelope: EnvelopeResult | None = None,
    *,
    rules: DmarcRules = STANDARD,
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Evaluation]:
    """Ask and judge at once, when it is known what passed.

    Raises nothing, whatever the octets and the answers, but UsageError as `Evaluator` does.
    """
    evaluator = Evaluator(authors, rules=rules, limits=limits, memory=memory)
    results = tuple(signatures)
    names = [one.domain for one in identifiers(results, envelope)]
    yield from together(*evaluator.policies(), *evaluator.organizations(names))
    return evaluator.judge(results, envelope)


@dataclass(slots=True)
class _Author:
    """One author domain: its policy once discovered, and the organizational domains."""

    domain: DomainName
    explorer: Explorer
    rules: DmarcRules
    suffixes: SuffixList | None
    found: Discovered | Failed | None = None
    organizations: Organizations = field(default_factory=Organizations)
    steps: list[TraceStep] = field(default_factory=list)

    def discover(self) -> Steps[None]:
        self.found = yield from self._discovered()

    def _discovered(self) -> Steps[Discovered | Failed]:
        if self.suffixes is None:
            return (yield from discover_by_walk(self.explorer, self.domain, self.rules.existence))
        return (yield from discover_by_suffixes(self.explorer, self.domain, self.suffixes))

    def align(self, names: tuple[DomainName, ...]) -> Steps[None]:
        """Ask only where a policy is found that aligns by organizational domain."""
        found = yield from self._discovered()
        if isinstance(found, Failed) or found.record is None:
            return
        if self.suffixes is not None:
            self.organizations.look_up(self.domain, names, self.suffixes)
        elif "r" in {found.record.adkim, found.record.aspf}:
            yield from self.organizations.learn(self.explorer, self.domain, names)

    def judge(self, names: tuple[Identifier, ...]) -> DomainEvaluation:
        """Conclude, and leave the steps behind."""
        found = self.found
        if found is None:  # nobody ran the flow
            found = Failed(f"_dmarc.{self.domain.ascii}", "not asked")
        if isinstance(found, Failed):
            return self._unknown(DomainEvaluation(domain=self.domain, result=_OPEN), found)
        if found.record is None:
            self._note("concluded", "none", f"{self.domain.ascii} has no policy")  # DM-08
            return DomainEvaluation(domain=self.domain, result=PolicyResult.NONE)
        compared = compare_names(self.domain, found.record, names, self.organizations)
        for a in compared.alignments:
            action: Action = "aligned" if a.aligned else "unaligned"
            self._note(action, f"{a.mechanism} {a.domain.ascii}", f"{a.result}; {a.why}")
        return self._judged(found, found.record, compared)

    def _judged(
        self, discovered: Discovered, record: DmarcRecord, compared: Compared
    ) -> DomainEvaluation:
        policy = discovered.policy or Policy.NONE
        aligned = {a.result for a in compared.alignments if a.aligned}
        result, disposition = PolicyResult.FAIL, Policy.NONE
        reasons: tuple[Override, ...] = ()
        if "pass" in aligned:
            result = PolicyResult.PASS
        elif compared.failure is not None or "temperror" in aligned:
            result = _OPEN
        else:
            reasons = _reasons(record, policy, self.rules)
            disposition = reasons[-1].disposition or policy if reasons else policy
        evaluation = DomainEvaluation(
            domain=discovered.domain,
            result=result,
            policy=policy,
            disposition=disposition,
            tag=discovered.tag,
            record=record,
            record_domain=discovered.record_domain,
            organizational_domain=compared.organizational_domain,
            alignments=compared.alignments,
            reasons=reasons,
        )
        if result is _OPEN:  # it may pass next time: failing it now would be too early
            why = compared.failure
            why = why or Failed("an aligned identifier", "its own result is temperror")
            return self._unknown(evaluation, why)
        if result is PolicyResult.PASS:
            self._note("concluded", "pass", discovered.domain.ascii)
            return evaluation
        self._note("concluded", "fail", f"{policy.value} published, {disposition.value} asked")
        self._note_alternatives(discovered, record, compared)
        return evaluation

    def _unknown(self, evaluation: DomainEvaluation, why: Failed) -> DomainEvaluation:
        self._note("concluded", "temperror", f"{why.name}: {why.why}")
        return replace(evaluation, failure=why.name)

    def _note_alternatives(
        self, discovered: Discovered, record: DmarcRecord, compared: Compared
    ) -> None:
        """Say what would have changed a failure."""
        domain = discovered.domain.ascii
        self._note("would-change", f"d={domain}", "a passing signature of the author domain")
        for a in compared.alignments:
            near = a.domain.is_within(discovered.domain) or discovered.domain.is_within(a.domain)
            if a.mode == "s" and near:
                tag = "adkim" if a.mechanism == "dkim" else "aspf"
                self._note("would-change", f"{tag}=r", f"may align {a.domain.ascii}")
        if record.testing:
            self._note("would-change", "t=n", f"{discovered.policy} would be asked in full")

    def _note(self, action: Action, subject: str, detail: str) -> None:
        self.steps.append(TraceStep(self.explorer.mechanism, action, subject, detail))


def _reasons(record: DmarcRecord, policy: Policy, rules: DmarcRules) -> tuple[Override, ...]:
    """Why less is asked than was published: t=y (RFC 9989 §4.7) or pct= (RFC 7489 §6.6.4)."""
    if policy is Policy.NONE:
        return ()
    if rules.discovery is Discovery.TREE_WALK:
        return (Override("policy_test_mode", "t=y", policy.weaker),) if record.testing else ()
    if record.pct is not None and rules.sample >= record.pct:
        return (Override("sampled_out", f"pct={record.pct}", policy.weaker),)
    return ()


def _combined(
    authors: Authors,
    found: tuple[DomainEvaluation, ...],
    rules: DmarcRules,
    mechanism: str,
    steps: list[TraceStep],
) -> Evaluation:
    strictest = found[0] if len(found) == 1 else max(found, key=lambda e: e.severity, default=None)
    result = PolicyResult.PERMERROR if strictest is None else strictest.result
    disposition = Policy.NONE if strictest is None else strictest.disposition
    reasons = () if strictest is None else strictest.reasons
    hidden = not authors.complete and not authors.show_none
    asked, why = rules.unusable_author, "unusable From"
    if not BEYOND_LIMITS.isdisjoint(authors.problems):
        asked, why = Policy.REJECT, "more authors than are asked about"
    if hidden and asked.strictness > disposition.strictness:
        # What is not known must not be the way around a policy (RFC 9989 §11.5): whoever was
        # not asked may ask to refuse the message.
        disposition = asked
        reasons = (*reasons, Override("local_policy", why, disposition))
    if hidden and result in {PolicyResult.PASS, PolicyResult.NONE}:
        result = PolicyResult.PERMERROR
    if len(found) > 1 or hidden:
        steps.append(TraceStep(mechanism, "concluded", result.value, "the strictest author"))
    return Evaluation(
        result=result,
        disposition=disposition,
        discovery=rules.discovery,
        decisive=strictest,
        evaluations=found,
        reasons=reasons,
        problems=authors.problems,
        trace=tuple(dict.fromkeys(steps)),
    )
