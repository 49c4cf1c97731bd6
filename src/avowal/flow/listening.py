"""What a mailing list learns about a post before it decides: signatures, SPF, policies.

Joins `lists`, `dkim`, `policy` and `arc`, which do not know each other: one flow, its
questions merged, and the author's policies in the plain words that `lists.advice` takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from avowal.arc.verdict import ChainVerification, result_of
from avowal.arc.verifier import ArcVerifier
from avowal.authres import Result
from avowal.dkim import rules as rules_module
from avowal.dkim.rules import Rules
from avowal.limits import DEFAULT, Limits
from avowal.lists.advice import AuthorPolicy, Disposition, Practice
from avowal.lists.resign import Arrival, arrive
from avowal.lookup import Steps, together
from avowal.mailbox import Authors
from avowal.message import Message
from avowal.policy import adsp
from avowal.policy.authentication_results import dmarc_result, spf_result
from avowal.policy.dmarc import result as dmarc
from avowal.policy.dmarc.evaluate import evaluate
from avowal.policy.evidence import SignatureResult
from avowal.policy.result import Result as Word
from avowal.policy.spf import SpfRequest, SpfResult, check_identity

_DISPOSITIONS: dict[str, Disposition] = {
    "none": "none", "quarantine": "quarantine", "reject": "reject",
}  # fmt: skip
_PRACTICES: dict[str, Practice] = {
    "unknown": "unknown", "all": "all", "discardable": "discardable",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A post, verified, and what its author's domains ask for.

    `spf` is None where the client is not known, `chain` where it is of no interest;
    `dmarc` is the evaluation of all authors.
    """

    arrival: Arrival
    policies: tuple[AuthorPolicy, ...]
    dmarc: dmarc.Evaluation
    spf: SpfResult | None = None
    chain: ChainVerification | None = None

    @property
    def results(self) -> tuple[Result, ...]:
        """The results of the methods besides DKIM, to be recorded."""
        found = [dmarc_result(self.dmarc)]
        if self.spf is not None:
            found.insert(0, spf_result(self.spf.envelope))
        if self.chain is not None:
            found.append(result_of(self.chain))
        return tuple(found)


def listen(
    message: Message,
    *,
    now: int,
    request: SpfRequest | None = None,
    chain: bool = False,
    rules: Rules = rules_module.DEFAULT,
    limits: Limits = DEFAULT,
) -> Steps[Heard]:
    """Verify a post, with `chain` its ARC sets too, and ask for its authors' policies.

    Raises nothing.
    """
    authors = Authors.of(message.header, limits=limits)
    arrival, practices, spf, custody = yield from together(
        arrive(message, now=now, rules=rules, limits=limits),
        adsp.evaluate(authors),
        _nothing() if request is None else check_identity(request),
        _chain(message, now, rules, limits) if chain else _nothing(),
    )
    signatures = [found for v in arrival.verdicts if (found := SignatureResult.of(v)) is not None]
    envelope = None if spf is None else spf.envelope
    evaluation = yield from evaluate(authors, signatures, envelope)
    return Heard(
        arrival=arrival,
        policies=_policies(evaluation, practices),
        dmarc=evaluation,
        spf=spf,
        chain=custody,
    )


def _nothing() -> Steps[None]:
    yield from ()


def _chain(message: Message, now: int, rules: Rules, limits: Limits) -> Steps[ChainVerification]:
    verifier = ArcVerifier(message.header, now=now, rules=rules, limits=limits)
    keys = yield from verifier.keys()
    verifier.feed(message.body)
    return verifier.finish(keys)


def _policies(evaluation: dmarc.Evaluation, practices: adsp.Adsp) -> tuple[AuthorPolicy, ...]:
    by_domain = {found.domain.ascii: found for found in practices.domains}
    policies = []
    for one in evaluation.evaluations:
        found = by_domain.get(one.domain.ascii)
        record = None if found is None else found.record
        policies.append(
            AuthorPolicy(
                domain=one.domain,
                dmarc=None if one.policy is None else _DISPOSITIONS[one.policy.value],
                adsp=None if record is None else _PRACTICES.get(record.practices),
                authenticated=one.result is Word.PASS,
            )
        )
    return tuple(policies)
