"""The examination of one message.

::

    agenda = Agenda(shares_of(receiver.limits))
    examination = Examination(header, receiver, Want.DKIM | Want.POLICIES, now=now, agenda=agenda)
    drive(agenda, resolver, seconds=20)        # or adrive, while the body still comes
    for chunk in body:
        if not examination.feed(chunk): break  # the rest does not matter (milter SKIP)
    slot = agenda.add(examination.finish(), Rank.POLICY)
    drive(agenda, resolver, seconds=20)        # a policy may ask once more
    slot.value                                 # the Findings

Nothing here raises for any message and any answers, but StateError for a call at the wrong
time.  An agenda that was closed leaves temporary errors where answers are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from avowal.agenda import Agenda, Rank, Slot
from avowal.arc.verifier import ArcKeys, ArcVerifier
from avowal.canonical import Octets
from avowal.dkim.acceptance import Keys
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Verifier
from avowal.errors import StateError
from avowal.examine.findings import Findings, Receiver, Want
from avowal.examine.trusted_chain import as_trusted, untrusted_sealer
from avowal.lookup import Steps
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.assessment import Assessment
from avowal.policy.engine import Engine
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.spf import SpfRequest, SpfResult, check_identity
from avowal.policy.spf.check import checked_domain

if TYPE_CHECKING:
    from avowal.dkim.legacy import DomainKeysVerifier


class Examination:
    """Examines one message; its questions are on the agenda as soon as it is made.

    `now` is the time of receipt in Unix seconds, None leaves times unchecked.  `envelope` is
    the client to check SPF for, or what a trusted host found.  `authors` spares reading From
    again.  `given` are signatures that are read already, with their places, the most
    important first: they are verified instead of the DKIM-Signature fields.  `body` is a
    hasher that signers registered with already.
    """

    __slots__ = (
        "_agenda", "_arc", "_authors", "_dkim", "_domainkeys", "_engine", "_envelope", "_finished",
        "_now", "_receiver", "_spf", "body",
    )  # fmt: skip

    def __init__(
        self,
        header: Header,
        receiver: Receiver,
        want: Want,
        *,
        now: int | None,
        agenda: Agenda,
        envelope: SpfRequest | EnvelopeResult | None = None,
        authors: Authors | None = None,
        given: Sequence[tuple[int, Signature]] | None = None,
        body: BodyHasher | None = None,
    ) -> None:
        self.body = BodyHasher() if body is None else body
        """Hashes the body for all; signers register with it before the first `feed`."""
        self._receiver = receiver
        self._agenda = agenda
        self._now = now
        self._finished = False
        self._dkim = self._begun_dkim(header, given) if Want.DKIM in want else None
        self._domainkeys = self._begun_domainkeys(header) if Want.DOMAINKEYS in want else None
        self._arc = self._begun_arc(header) if Want.ARC in want else None
        self._spf: Slot[SpfResult] | None = None
        self._envelope: EnvelopeResult | None = None
        sender = None
        if isinstance(envelope, SpfRequest):
            self._spf = agenda.add(check_identity(envelope), Rank.SPF)
            sender = checked_domain(envelope)
        elif envelope is not None:
            self._envelope, sender = envelope, envelope.domain
        self._authors = authors
        self._engine: Engine | None = None
        if Want.POLICIES in want and receiver.choice.generations:
            self._engine = self._begun_engine(header, sender)

    # -- before the body: each verifier beside the keys it asked for ---------------------

    def _begun_dkim(
        self, header: Header, given: Sequence[tuple[int, Signature]] | None
    ) -> tuple[Verifier, Slot[Keys]]:
        rules, limits = self._receiver.rules, self._receiver.limits
        verifier = Verifier(
            header, now=self._now, rules=rules, limits=limits, hasher=self.body, given=given
        )
        return verifier, self._agenda.add(verifier.keys(), Rank.SIGNATURES)

    def _begun_domainkeys(self, header: Header) -> tuple[DomainKeysVerifier, Slot[Keys]]:
        from avowal.dkim.legacy import DomainKeysVerifier  # noqa: PLC0415 - archives only

        historic = self._receiver.historic or self._receiver.rules
        verifier = DomainKeysVerifier(header, rules=historic, limits=self._receiver.limits)
        return verifier, self._agenda.add(verifier.keys(), Rank.REST)

    def _begun_arc(self, header: Header) -> tuple[ArcVerifier, Slot[ArcKeys]]:
        rules, limits = self._receiver.rules, self._receiver.limits
        verifier = ArcVerifier(header, now=self._now, rules=rules, limits=limits, hasher=self.body)
        return verifier, self._agenda.add(verifier.keys(), Rank.CHAIN)

    def _begun_engine(self, header: Header, sender: DomainName | None) -> Engine:
        choice, limits = self._receiver.choice, self._receiver.limits
        if self._authors is None:
            self._authors = Authors.of(header, limits=limits)
        engine = Engine(header, choice, authors=self._authors, limits=limits)
        for flow in engine.policies():
            self._agenda.add(flow, Rank.POLICY)
        for flow in engine.organizations(self._names(sender)):
            self._agenda.add(flow, Rank.ALIGNMENT)
        return engine

    def _names(self, sender: DomainName | None) -> Iterator[DomainName]:
        """Yield the domains that may come to pass."""
        for signature in self.signatures:
            yield signature.domain
        if sender is not None:
            yield sender

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """The DKIM signatures that may come to pass."""
        return () if self._dkim is None else self._dkim[0].signatures

    @property
    def wants_body(self) -> bool:
        """Whether the body matters to anyone, signers that registered included."""
        older = self._domainkeys is not None and self._domainkeys[0].wants_body
        return older or self.body.wanting

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        if self._finished:
            raise StateError("the examination is finished: make a new one for the next message")
        wanted = self.body.feed(chunk)
        if self._domainkeys is not None:
            wanted = self._domainkeys[0].feed(chunk) or wanted
        return wanted

    def finish(self) -> Steps[Findings]:
        """End the body and conclude, when the agenda is idle or closed.

        A policy may ask once more.
        """
        if self._finished:
            raise StateError("the examination is finished: make a new one for the next message")
        self._finished = True
        self.body.finish()
        dkim: tuple[Verification, ...] = ()
        older: tuple[Verification, ...] = ()
        if self._dkim is not None:
            dkim = self._dkim[0].finish(self._dkim[1].value)
        if self._domainkeys is not None:
            older = self._domainkeys[0].finish(self._domainkeys[1].value)
        arc = stranger = None
        if self._arc is not None:
            arc = self._arc[0].finish(self._arc[1].value)
        spf = None if self._spf is None else self._spf.value
        envelope = self._envelope if spf is None else spf.envelope
        trusts = self._receiver.trusts_sealer
        trusted = arc is not None and arc.passed and trusts is not None
        if arc is not None and trusts is not None and trusted:
            stranger = untrusted_sealer(arc, trusts)
        policies = yield from self._policies(dkim, older, envelope)
        if policies is not None and arc is not None and trusted and stranger is None:
            policies = as_trusted(policies, arc, self._receiver.choice)
        return Findings(
            authors=self._authors,
            dkim=dkim,
            domainkeys=older,
            arc=arc,
            spf=spf,
            envelope=envelope,
            policies=policies,
            untrusted_sealer=stranger,
            answers=self._agenda.answers,
        )

    def _policies(
        self,
        dkim: tuple[Verification, ...],
        older: tuple[Verification, ...],
        envelope: EnvelopeResult | None,
    ) -> Steps[Assessment | None]:
        if self._engine is None:
            return None
        return (
            yield from self._engine.evaluate(_results(dkim), envelope, domainkeys=_results(older))
        )


def _results(verifications: tuple[Verification, ...]) -> list[SignatureResult]:
    found = map(SignatureResult.of, verifications)
    return [one for one in found if one is not None]
