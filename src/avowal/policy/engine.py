"""One message under every generation of policy at once, with reasons.

`policies` and `organizations` ask what can be known to matter before any signature is
verified, so that their rounds travel with those of DKIM and SPF; `evaluate` gives the
assessment, and asks what is still open.  What a receiver does about it is its own
decision: `Choice.handling` is `report` unless the operator says otherwise (RFC 9989 §7.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Steps, together
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy import adsp, atps, domainkeys, ssp, ssp2007, vbr
from avowal.policy.assessment import (
    Assessment,
    Choice,
    Detail,
    GenerationVerdict,
    PolicyGeneration,
    combined,
    verdict_of,
)
from avowal.policy.dmarc.alignment import identifiers
from avowal.policy.dmarc.compare import differences
from avowal.policy.dmarc.discovery import Discovery
from avowal.policy.dmarc.evaluate import DmarcRules, Evaluator
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.memory import Memory
from avowal.policy.practices import Practices
from avowal.policy.trace import Trace, TraceStep

_DISCOVERY = {
    PolicyGeneration.DMARC_2015: Discovery.SUFFIX_LIST,
    PolicyGeneration.DMARC_2026: Discovery.TREE_WALK,
}


class _Others(NamedTuple):
    """What the mechanisms besides DMARC came to."""

    results: dict[PolicyGeneration, Detail]
    authorization: atps.Atps | None
    vouched: vbr.Vbr | None


class Engine:
    """The policies of one message: what its header says, and the receiver's choice.

    `domainkeys` are the results of its DomainKeys signatures, which only that policy and
    VBR take into account.  Where the header goes on beyond a limit, nothing that passed counts.
    """

    def __init__(
        self,
        header: Header,
        choice: Choice,
        *,
        authors: Authors | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        self.header = header
        self.choice = choice
        self.authors = Authors.of(header) if authors is None else authors
        self.limits = limits
        self.memory = Memory()
        self._dmarc: dict[PolicyGeneration, Evaluator] = {
            generation: Evaluator(
                self.authors,
                rules=_rules_of(choice.dmarc, _DISCOVERY[generation]),
                limits=limits,
                memory=self.memory,
            )
            for generation in choice.generations
            if generation in _DISCOVERY
        }
        self._asked = False
        practices = [one for one in choice.generations if one not in _DISCOVERY]
        self._more = bool(practices or choice.atps or choice.certifiers)

    @cached_property
    def _senders(self) -> Authors:
        """Who is answerable by DomainKeys, read once: there is a flow for each author."""
        return domainkeys.senders(self.header)

    def policies(self) -> tuple[Steps[object], ...]:
        """Return the flows that ask what does not depend on any signature.

        Each author has flows of its own: none waits for the names of another.
        """
        self._asked = True
        flows = self._policies()
        if any(generation not in _DISCOVERY for generation in self.choice.generations):
            # Practices ask most when nothing passes (RFC 5016 §5.3 item 9).
            flows += [self._others(author, (), None, ()) for author in self.authors.each()]
        return tuple(flows)

    def _policies(self) -> list[Steps[object]]:
        return [flow for evaluator in self._dmarc.values() for flow in evaluator.policies()]

    def organizations(self, names: Iterable[DomainName]) -> tuple[Steps[object], ...]:
        """Return the flows that learn whether `names`, which may pass, can be aligned."""
        known = tuple(names)
        flows: list[Steps[object]] = []
        for evaluator in self._dmarc.values():
            flows += evaluator.organizations(known)
        return tuple(flows)

    def evaluate(
        self,
        signatures: Iterable[SignatureResult] = (),
        envelope: EnvelopeResult | None = None,
        *,
        domainkeys: Iterable[SignatureResult] = (),
    ) -> Steps[Assessment]:
        """Assess the message, once it is known what passed; asks what is still open.

        Raises nothing, whatever the octets and the answers.
        """
        checked, older = tuple(signatures), tuple(domainkeys)
        if self.header.beyond is not None:
            # What was not read whole speaks for nobody: the policies apply as if nothing passed.
            checked = older = ()
            envelope = None
        flows: list[Steps[object]] = []
        if not self._asked:
            names = [one.domain for one in identifiers(checked, envelope)]
            flows = [*self._policies(), *self.organizations(names)]
        others = _Others({}, None, None)
        if self._more:
            others, _ = yield from together(
                self._others(self.authors, checked, envelope, older), together(*flows)
            )
        elif flows:
            yield from together(*flows)
        found = others.results
        for generation, evaluator in self._dmarc.items():
            found[generation] = evaluator.judge(checked, envelope)
        verdicts = tuple(
            [verdict_of(one, found[one], self.authors) for one in self.choice.generations]
        )
        disposition, decided_by, steps = combined(verdicts, self.choice)
        told = _traces(verdicts, others.authorization, others.vouched)
        return Assessment(
            authors=self.authors,
            signatures=checked,
            envelope=envelope,
            verdicts=verdicts,
            atps=others.authorization,
            vbr=others.vouched,
            disposition=disposition,
            decided_by=decided_by,
            differences=_differences(found),
            trace=(*self._notes(), *told, *steps),
            answers=self.memory.answers,
        )

    def _notes(self) -> Trace:
        beyond = self.header.beyond
        if beyond is None:
            return ()
        return (TraceStep("policies", "discarded", "what passed", str(beyond)),)

    def _others(
        self,
        authors: Authors,
        signatures: tuple[SignatureResult, ...],
        envelope: EnvelopeResult | None,
        older: tuple[SignatureResult, ...],
    ) -> Steps[_Others]:
        """Evaluate every generation but DMARC, and who vouches."""
        wanted = [
            generation
            for generation in self.choice.generations
            if generation not in _DISCOVERY and generation is not PolicyGeneration.ADSP
        ]
        flows = [self._flow(generation, authors, signatures, older) for generation in wanted]
        (authorization, practices), vouched, results = yield from together(
            self._third_parties(authors, signatures),
            self._vouched((*signatures, *older), envelope),
            together(*flows),
        )
        found: dict[PolicyGeneration, Detail] = dict(zip(wanted, results, strict=True))
        if practices is not None:
            found[PolicyGeneration.ADSP] = practices
        return _Others(found, authorization, vouched)

    def _flow(
        self,
        generation: PolicyGeneration,
        authors: Authors,
        signatures: tuple[SignatureResult, ...],
        older: tuple[SignatureResult, ...],
    ) -> Steps[Practices]:
        limits, memory = self.limits, self.memory
        match generation:
            case PolicyGeneration.DOMAINKEYS:
                return domainkeys.evaluate(self._senders, older, limits=limits, memory=memory)
            case PolicyGeneration.SSP_2005:
                rules = ssp.SspRules(acceptable=self.choice.accepts)
                return ssp.evaluate(authors, signatures, rules=rules, limits=limits, memory=memory)
            case _:
                accepts = self.choice.accepts
                return ssp2007.evaluate(
                    authors, signatures, acceptable=accepts, limits=limits, memory=memory
                )

    def _third_parties(
        self, authors: Authors, signatures: tuple[SignatureResult, ...]
    ) -> Steps[tuple[atps.Atps | None, adsp.Adsp | None]]:
        """ATPS, then ADSP: a signature that the author authorized is as the author's (§6)."""
        authorization = None
        if self.choice.atps:
            authorization = yield from atps.evaluate(
                authors, signatures, limits=self.limits, memory=self.memory
            )
        if PolicyGeneration.ADSP not in self.choice.generations:
            return authorization, None
        authorized = () if authorization is None else authorization.authorized
        practices = yield from adsp.evaluate(
            authors, signatures, authorized=authorized, limits=self.limits, memory=self.memory
        )
        return authorization, practices

    def _vouched(
        self, signatures: tuple[SignatureResult, ...], envelope: EnvelopeResult | None
    ) -> Steps[vbr.Vbr | None]:
        if not self.choice.certifiers:
            return None
        return (
            yield from vbr.evaluate(
                self.header,
                signatures,
                envelope,
                self.choice.certifiers,
                limits=self.limits,
                memory=self.memory,
            )
        )


def _rules_of(rules: DmarcRules, discovery: Discovery) -> DmarcRules:
    return rules if rules.discovery is discovery else replace(rules, discovery=discovery)


def _differences(results: dict[PolicyGeneration, Detail]) -> tuple[str, ...]:
    old, new = results.get(PolicyGeneration.DMARC_2015), results.get(PolicyGeneration.DMARC_2026)
    if isinstance(old, Evaluation) and isinstance(new, Evaluation):
        return differences(old, new)
    return ()


def _traces(verdicts: tuple[GenerationVerdict, ...], *others: atps.Atps | vbr.Vbr | None) -> Trace:
    steps: list[TraceStep] = []
    for result in (*others, *(verdict.detail for verdict in verdicts)):
        if result is not None:
            steps += result.trace
    return tuple(steps)
