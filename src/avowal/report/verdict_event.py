"""The event of a verdict, made of what was found of a message and what was done with it.

The one place where events are made: `event_of`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from avowal.dkim.verification import Verification
from avowal.examine.findings import Findings
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.policy.dmarc.record import DmarcRecord, Policy
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.result import PolicyResult
from avowal.report.automatic_mail import is_aggregate_report
from avowal.report.event import (
    Event,
    EventKey,
    EventPolicy,
    EventReason,
    EventSender,
    EventSignature,
)
from avowal.text import printable

MOST_SIGNATURES: Final = 100
"""Of one event: RFC 9990 §3.1.1.11 has as many in a row of a report."""
_MOST_COMMENT: Final = 500  # characters of the reason for an override
_REFUSED: Final = frozenset({"reject", "discard"})


def event_of(
    findings: Findings,
    *,
    time: int,
    host: str,
    client: str | None = None,
    queue_id: str | None = None,
    action: str | None = None,
    author: str | None = None,
    signed: Iterable[tuple[str, str]] = (),
    header: Header | None = None,
) -> Event:
    """Make the event of a message.  Raises nothing.

    `client` is its address as text, `action` the word of what was done (accept, tag,
    quarantine, reject, tempfail, discard), `author` the author's domain in A-labels where
    the findings name none, `header` that of the message, where it is at hand.
    """
    evaluation = None if findings.policies is None else findings.policies.dmarc
    envelope = findings.envelope
    key = EventKey(
        source=client,
        author=_author(evaluation, findings.authors) or author,
        action=action,
        spf=None if envelope is None else _sender(envelope),
        dkim=_signatures(findings, evaluation),
        arc=None if findings.arc is None else findings.arc.status.value,
        signed=tuple(signed),
    )
    if evaluation is not None:
        key = _with_dmarc(key, evaluation, action)
        if evaluation.result is PolicyResult.PASS and header is not None:  # no hiding by a subject
            key = msgspec.structs.replace(key, report_mail=is_aggregate_report(header))
    return Event(time, printable(host), key, None if queue_id is None else printable(queue_id))


def _sender(envelope: EnvelopeResult) -> EventSender:
    domain = None if envelope.domain is None else envelope.domain.ascii
    return EventSender(domain, envelope.scope, envelope.result)


def _author(evaluation: Evaluation | None, authors: Authors | None) -> str | None:
    """Return the author domain that decided, or else the first."""
    if evaluation is not None and evaluation.author_domain is not None:
        return evaluation.author_domain.ascii
    domains = () if authors is None else authors.domains
    return domains[0].ascii if domains else None


def _with_dmarc(key: EventKey, evaluation: Evaluation, action: str | None) -> EventKey:
    decisive = evaluation.decisive
    if decisive is None or decisive.record is None or decisive.record_domain is None:
        return msgspec.structs.replace(key, dmarc=evaluation.result.value)
    disposition, reasons = disposed(evaluation, action)
    return msgspec.structs.replace(
        key,
        dmarc=evaluation.result.value,
        policy=_published(decisive.record, decisive.record_domain, evaluation.discovery.value),
        asked=None if decisive.policy is None else decisive.policy.value,
        disposition=disposition,
        dkim_aligned=decisive.dkim_aligned,
        spf_aligned=decisive.spf_aligned,
        reasons=reasons,
    )


def _published(record: DmarcRecord, domain: str, discovery: str) -> EventPolicy:
    p, sp, np = (None if one is None else one.value for one in (record.p, record.sp, record.np))
    return EventPolicy(
        domain=domain,
        p=p,
        sp=sp,
        np=np,
        adkim=record.adkim,
        aspf=record.aspf,
        fo=":".join(record.fo),
        testing=record.testing,
        pct=record.pct,
        discovery=discovery,
        wants_reports=any(uri.address is not None for uri in record.rua),
    )


def disposed(
    evaluation: Evaluation, action: str | None
) -> tuple[str | None, tuple[EventReason, ...]]:
    """Return what was done of a policy, and why less or more than it asks (RFC 9990 §3.1.1.7).

    ``pass`` is a pass where the policy is enforced; a pass where it is not, and a failure of
    which nothing followed, are ``none``.  Where we did not follow, the reason is
    ``local_policy``; None where it is not known what was done.
    """
    reasons = tuple(
        EventReason(one.type, one.comment[:_MOST_COMMENT]) for one in evaluation.reasons
    )
    if evaluation.result is PolicyResult.PASS:
        enforced = evaluation.policy not in {None, Policy.NONE}
        return "pass" if enforced else "none", reasons
    if action is None:
        return None, reasons
    done = Policy.NONE
    if evaluation.result is not PolicyResult.NONE:
        done = Policy.REJECT if action in _REFUSED else done
        done = Policy.QUARANTINE if action == "quarantine" else done
    asked = evaluation.disposition if evaluation.result is PolicyResult.FAIL else Policy.NONE
    if done is not asked:
        reasons = (*reasons, EventReason("local_policy", f"{asked.value} was asked"))
    return done.value, reasons


# -- signatures ------------------------------------------------------------------------------


def _signatures(findings: Findings, evaluation: Evaluation | None) -> tuple[EventSignature, ...]:
    """Return what was found of each signature, of too many those that say most."""
    reasons = {_name(one): one.reason for one in findings.signatures}
    assessed: Iterable[SignatureResult | None]
    if findings.policies is not None:
        assessed = findings.policies.signatures
    else:
        assessed = map(SignatureResult.of, findings.signatures)
    made = []
    for one in filter(None, assessed):
        selector = None if one.selector is None else one.selector.ascii
        why = None if one.passed else reasons.get((one.domain.ascii, selector))
        word = None if why is None else str(why)
        made.append(EventSignature(one.domain.ascii, selector, one.result, word))
    if len(made) > MOST_SIGNATURES:
        made.sort(key=lambda one: _rank(one, evaluation))
    return tuple(made[:MOST_SIGNATURES])


def _rank(one: EventSignature, evaluation: Evaluation | None) -> int:
    """Say how soon a signature is kept of too many (RFC 9990 §3.1.1.11)."""
    if one.result != "pass":
        return 3
    decisive = None if evaluation is None else evaluation.decisive
    if decisive is None:
        return 2
    if one.domain == decisive.domain.ascii:
        return 0
    aligned = {a.domain.ascii for a in decisive.alignments if a.aligned and a.mechanism == "dkim"}
    return 1 if one.domain in aligned else 2


def _name(verification: Verification) -> tuple[str, str | None] | None:
    signature = verification.signature
    return None if signature is None else (signature.domain.ascii, signature.selector.ascii)
