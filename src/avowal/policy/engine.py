"""One message under every generation of policy at once, with reasons.

`foresee` asks what can be known to matter before any signature is verified, so that its
rounds travel with those of DKIM and SPF; `evaluate` gives the assessment, and asks what is
still open; `conclude` gives it without asking.  What a receiver does about it is its own
decision: `Choice.handling` is `report` unless the operator says otherwise (RFC 9989 §7.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Steps, together
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy import adsp, atps, domainkeys, ssp, ssp2007, vbr
from avowal.policy.assessment import Assessment, Choice, Generation, GenerationVerdict
from avowal.policy.dmarc.compare import differences
from avowal.policy.dmarc.discovery import Discovery
from avowal.policy.dmarc.evaluate import evaluate as evaluate_dmarc
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.memory import Memory, without_asking
from avowal.policy.trace import Trace, TraceStep
from avowal.policy.verdicts import combined, verdict_of

_DISCOVERY = {
    Generation.DMARC_2015: Discovery.SUFFIX_LIST,
    Generation.DMARC_2026: Discovery.TREE_WALK,
}


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
        memory: Memory | None = None,
    ) -> None:
        self.header = header
        self.choice = choice
        self.authors = Authors.of(header) if authors is None else authors
        self.limits = limits
        self.memory = Memory() if memory is None else memory

    def foresee(
        self,
        candidates: Iterable[SignatureResult] = (),
        envelope: DomainName | None = None,
        *,
        eager: bool = False,
    ) -> Steps[None]:
        """Ask now what `evaluate` would ask later, whatever becomes of the signatures.

        `candidates` are the signatures found (`evidence.candidates`), `envelope` is the
        domain SPF will be asked about.  `eager` asks for signing practices too, which a valid
        signature of the author makes needless (RFC 5016 §5.3 item 9); `conclude` needs it.
        Nothing is concluded; the answers stay in `memory`.
        """
        passing = tuple(replace(signature, result="pass") for signature in candidates)
        spf = None if envelope is None else EnvelopeResult(domain=envelope, result="pass")
        # DMARC asks most when all pass, the practices ask only when none does.
        if eager:
            yield from together(self._evaluate(passing, spf, ()), self._evaluate((), None, ()))
        else:
            yield from self._dmarc(passing, spf)

    def evaluate(
        self,
        signatures: Iterable[SignatureResult] = (),
        envelope: EnvelopeResult | None = None,
        *,
        domainkeys: Iterable[SignatureResult] = (),
    ) -> Steps[Assessment]:
        """Assess the message.  Raises nothing, whatever the octets and the answers."""
        return (yield from self._evaluate(tuple(signatures), envelope, tuple(domainkeys)))

    def conclude(
        self,
        signatures: Iterable[SignatureResult] = (),
        envelope: EnvelopeResult | None = None,
        *,
        domainkeys: Iterable[SignatureResult] = (),
    ) -> Assessment:
        """Assess the message with what `foresee` learned; what it did not is temperror."""
        return without_asking(self.evaluate(signatures, envelope, domainkeys=domainkeys))

    def _evaluate(
        self,
        signatures: tuple[SignatureResult, ...],
        envelope: EnvelopeResult | None,
        older: tuple[SignatureResult, ...],
    ) -> Steps[Assessment]:
        if self.header.beyond is not None:
            # What was not read whole speaks for nobody: the policies apply as if nothing passed.
            signatures = older = ()
            envelope = None
        wanted = self.choice.generations
        others = [g for g in wanted if g is not Generation.ADSP]
        flows = [self._flow(generation, signatures, envelope, older) for generation in others]
        found = yield from together(
            self._third_parties(signatures),
            self._vouched((*signatures, *older), envelope),
            *flows,
        )
        (authorization, practices), vouched, *results = found
        by_generation: dict[Generation, Any] = dict(zip(others, results, strict=True))
        if practices is not None:
            by_generation[Generation.ADSP] = practices
        verdicts = tuple(verdict_of(generation, by_generation[generation]) for generation in wanted)
        disposition, decided_by, steps = combined(verdicts, self.choice)
        return Assessment(
            authors=self.authors,
            signatures=signatures,
            envelope=envelope,
            verdicts=verdicts,
            atps=authorization,
            vbr=vouched,
            disposition=disposition,
            decided_by=decided_by,
            differences=_differences(by_generation),
            trace=(*self._notes(), *_traces(verdicts, authorization, vouched), *steps),
        )

    def _notes(self) -> Trace:
        beyond = self.header.beyond
        if beyond is None:
            return ()
        return (TraceStep("policies", "discarded", "what passed", str(beyond)),)

    def _dmarc(
        self, signatures: tuple[SignatureResult, ...], envelope: EnvelopeResult | None
    ) -> Steps[Any]:
        wanted = [g for g in self.choice.generations if g in _DISCOVERY]
        return together(*(self._flow(g, signatures, envelope, ()) for g in wanted))

    def _flow(
        self,
        generation: Generation,
        signatures: tuple[SignatureResult, ...],
        envelope: EnvelopeResult | None,
        older: tuple[SignatureResult, ...],
    ) -> Steps[Any]:
        shared: dict[str, Any] = {"limits": self.limits, "memory": self.memory}
        match generation:
            case Generation.DOMAINKEYS:
                sender = domainkeys.senders(self.header)
                return domainkeys.evaluate(sender, older, **shared)
            case Generation.SSP_2005:
                rules = ssp.Rules(acceptable=self.choice.accepts)
                return ssp.evaluate(self.authors, signatures, rules=rules, **shared)
            case Generation.SSP_2007:
                accepts = self.choice.accepts
                return ssp2007.evaluate(self.authors, signatures, acceptable=accepts, **shared)
            case _:
                rules_of_dmarc, discovery = self.choice.dmarc, _DISCOVERY[generation]
                if rules_of_dmarc.discovery is not discovery:
                    rules_of_dmarc = replace(rules_of_dmarc, discovery=discovery)
                return evaluate_dmarc(
                    self.authors, signatures, envelope, rules=rules_of_dmarc, **shared
                )

    def _third_parties(
        self, signatures: tuple[SignatureResult, ...]
    ) -> Steps[tuple[atps.Atps | None, adsp.Adsp | None]]:
        """ATPS, then ADSP: a signature that the author authorized is as the author's (§6)."""
        authorization = None
        if self.choice.atps:
            authorization = yield from atps.evaluate(
                self.authors, signatures, limits=self.limits, memory=self.memory
            )
        if Generation.ADSP not in self.choice.generations:
            return authorization, None
        authorized = () if authorization is None else authorization.authorized
        practices = yield from adsp.evaluate(
            self.authors, signatures, authorized=authorized, limits=self.limits, memory=self.memory
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


def _differences(results: dict[Generation, Any]) -> tuple[str, ...]:
    old, new = results.get(Generation.DMARC_2015), results.get(Generation.DMARC_2026)
    return () if old is None or new is None else differences(old, new)


def _traces(verdicts: tuple[GenerationVerdict, ...], *others: atps.Atps | vbr.Vbr | None) -> Trace:
    steps: list[TraceStep] = []
    for result in (*others, *(verdict.detail for verdict in verdicts)):
        if result is not None:
            steps += result.trace
    return tuple(steps)
