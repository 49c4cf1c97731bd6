"""What a report says of kinds of messages: from the words of events to the values of reports.

`Outcome` is what a row of a report tells beside its address and count.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from avowal.dkim.reasons import Reason, Result
from avowal.policy.dmarc.record import Policy
from avowal.report.aggregate import (
    Aligned,
    DiscoveryMethod,
    Disposition,
    DkimAuthResult,
    OverrideType,
    PolicyOverrideReason,
    PolicyPublished,
    Record,
    SpfAuthResult,
    SpfResultWord,
)
from avowal.report.event import (
    EventKey,
    EventPolicy,
    EventReason,
    EventSender,
    EventSignature,
)

_REMEMBERED = 4096  # signatures, senders and reasons that are made once


class Outcome(NamedTuple):
    """What a row of a report tells beside its address: RFC 9990 counts by both."""

    author: str
    disposition: str
    dkim_aligned: bool
    spf_aligned: bool
    reasons: tuple[EventReason, ...]
    spf: EventSender | None
    dkim: tuple[EventSignature, ...]

    @classmethod
    def of(cls, key: EventKey, disposition: str) -> Outcome:
        """Return what is told of a kind of messages."""
        return cls(
            key.author or "", disposition, key.dkim_aligned, key.spf_aligned, key.reasons,
            key.spf, key.dkim,
        )  # fmt: skip

    def record(self, source: str, number: int) -> Record:
        """Return the row of an address."""
        spf = self.spf
        sender = None if spf is None else spf.domain
        return Record(
            source_ip=source,
            count=number,
            disposition=_DISPOSITIONS[self.disposition],
            dkim=_ALIGNED[self.dkim_aligned],
            spf=_ALIGNED[self.spf_aligned],
            header_from=self.author,
            envelope_from="" if spf is not None and spf.scope == "helo" else sender,
            reasons=tuple([_reason(one) for one in self.reasons]),
            dkim_results=_signatures(self.dkim),
            spf_results=() if spf is None or spf.domain is None else (_spf(spf),),
        )


@lru_cache(_REMEMBERED)
def published(domain: str, policy: EventPolicy) -> PolicyPublished:
    """Return the policy as it was applied: a record without p= that asks for reports is p=none."""
    return PolicyPublished(
        domain=domain,
        p=Policy.NONE if policy.p is None else Policy(policy.p),
        sp=None if policy.sp is None else Policy(policy.sp),
        np=None if policy.np is None else Policy(policy.np),
        fo=policy.fo,
        adkim=policy.adkim,
        aspf=policy.aspf,
        testing=policy.testing,
        discovery_method=DiscoveryMethod(policy.discovery),
        pct=policy.pct,
    )


@lru_cache(_REMEMBERED)
def _reason(one: EventReason) -> PolicyOverrideReason:
    return PolicyOverrideReason(type=OverrideType(one.type), comment=one.comment or None)


@lru_cache(_REMEMBERED)
def _signatures(found: tuple[EventSignature, ...]) -> tuple[DkimAuthResult, ...]:
    """All results but of signatures without a selector, which a report has no place for."""
    return tuple([_signature(one) for one in found if one.selector is not None])


def _signature(one: EventSignature) -> DkimAuthResult:
    return DkimAuthResult(
        domain=one.domain,
        selector=one.selector,
        result=_RESULTS.get(one.result),
        human_result=None if one.reason is None else _SENTENCES.get(one.reason, one.reason),
    )


@lru_cache(_REMEMBERED)
def _spf(one: EventSender) -> SpfAuthResult:
    return SpfAuthResult(
        domain=one.domain or "", scope=one.scope, result=_SPF_RESULTS.get(one.result)
    )


_ALIGNED = (Aligned.FAIL, Aligned.PASS)
_DISPOSITIONS = {one.value: one for one in Disposition}
_RESULTS = {str(one.value): one for one in Result}
_SPF_RESULTS = {one.value: one for one in SpfResultWord}
_SENTENCES = {str(one.value): one.sentence for one in Reason}
