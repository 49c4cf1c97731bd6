"""What DMARC says about a message: one verdict per author domain, and the strictest of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from avowal.mailbox import Problem
from avowal.names import DomainName
from avowal.policy.dmarc.discovery import Discovery
from avowal.policy.dmarc.record import DmarcRecord, Policy
from avowal.policy.result import PolicyResult
from avowal.policy.trace import Trace, TraceStep


@dataclass(frozen=True, slots=True)
class Override:
    """Why the disposition is not the policy; the words are those of RFC 9990 (and RFC 7489).

    `disposition` None leaves it as it is.
    """

    type: Literal[
        "local_policy",
        "mailing_list",
        "other",
        "policy_test_mode",
        "trusted_forwarder",
        "forwarded",
        "sampled_out",
    ]
    comment: str = ""
    disposition: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """One authenticated identifier and whether it speaks for the author domain.

    `mode` is r or s; `result` is the identifier's own word, pass or temperror.
    """

    mechanism: Literal["dkim", "spf"]
    domain: DomainName
    mode: str
    aligned: bool
    result: str = "pass"
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvaluation:
    """The verdict for one author domain.

    `policy` is what the domain published for this mail (after p=, sp=, np=, before t= and
    pct=), None when no record applies; `disposition` is what is asked for this message.
    Whether mail is really rejected on it is the receiver's decision (RFC 9989 §7.4).
    """

    domain: DomainName
    result: PolicyResult
    policy: Policy | None = None
    disposition: Policy = Policy.NONE
    tag: str | None = None
    record: DmarcRecord | None = None
    record_domain: str | None = None
    organizational_domain: str | None = None
    alignments: tuple[Alignment, ...] = ()
    reasons: tuple[Override, ...] = ()
    failure: str | None = None

    @property
    def dkim_aligned(self) -> bool:
        """Whether a passing signature is aligned."""
        return self._aligned("dkim")

    @property
    def spf_aligned(self) -> bool:
        """Whether a passing envelope identity is aligned."""
        return self._aligned("spf")

    @property
    def severity(self) -> int:
        """How strict this is among several authors, 0 for a pass.

        Not knowing asks for nothing (RFC 9989 §4.10.1): it stands above a failure that asks
        for nothing, and below every wish that is known, which it must not lift.
        """
        if self.result is PolicyResult.FAIL:
            return {Policy.NONE: 3, Policy.QUARANTINE: 5, Policy.REJECT: 6}[self.disposition]
        return {PolicyResult.TEMPERROR: 4, PolicyResult.PERMERROR: 2, PolicyResult.NONE: 1}.get(
            self.result, 0
        )

    def _aligned(self, mechanism: str) -> bool:
        return any(
            a.aligned and a.result == "pass" and a.mechanism == mechanism for a in self.alignments
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The verdict for a message; with several authors the strictest one (RFC 9989 §11.5).

    `decisive` is the evaluation it rests on, None when no author domain could be read;
    then `problems` says why.
    """

    result: PolicyResult
    disposition: Policy
    discovery: Discovery
    decisive: DomainEvaluation | None = None
    evaluations: tuple[DomainEvaluation, ...] = ()
    reasons: tuple[Override, ...] = ()
    problems: tuple[Problem, ...] = ()
    trace: Trace = ()

    @property
    def unknown(self) -> bool:
        """Whether the policy of some author could not be had for now."""
        return any(e.result is PolicyResult.TEMPERROR for e in self.evaluations)

    @property
    def policy(self) -> Policy | None:
        """The published policy that applies; None when there is none."""
        return None if self.decisive is None else self.decisive.policy

    @property
    def author_domain(self) -> DomainName | None:
        """The author domain that decided."""
        return None if self.decisive is None else self.decisive.domain

    def overridden(self, override: Override) -> Evaluation:
        """Return the same with another disposition and its reason (RFC 9989 §5.4).

        For whoever knows more than DNS: a trusted sealer, a list, an operator's rule.
        """
        disposition = self.disposition if override.disposition is None else override.disposition
        step = TraceStep(
            "dmarc", "override", override.type, f"{disposition.value} {override.comment}".rstrip()
        )
        return replace(
            self,
            disposition=disposition,
            reasons=(*self.reasons, override),
            trace=(*self.trace, step),
        )
