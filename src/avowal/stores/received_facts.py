"""Values of reports as JSON in a column, and back: what queries do not look into."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from avowal.report.aggregate import (
    DiscoveryMethod,
    Policy,
    PolicyPublished,
    Record,
    ReportMetadata,
)
from avowal.report.failure import FailureReport
from avowal.report.tlsrpt import TlsPolicy


def outcome_facts(record: Record) -> str:
    """Everything of a record but its address and count."""
    return _written({
        "from": [record.header_from, record.envelope_from, record.envelope_to],
        "evaluated": [record.disposition, record.dkim, record.spf],
        "reasons": [[one.type, one.comment] for one in record.reasons],
        "dkim": [
            [one.domain, one.selector, one.result, one.human_result]
            for one in record.dkim_results
        ],
        "spf": [
            [one.domain, one.scope, one.result, one.human_result] for one in record.spf_results
        ],
    })  # fmt: skip


def head_facts(metadata: ReportMetadata, policy: PolicyPublished) -> str:
    """The policy, and what nobody asks for by itself."""
    return _written({
        "p": policy.p, "sp": policy.sp, "np": policy.np, "fo": policy.fo, "adkim": policy.adkim,
        "aspf": policy.aspf, "testing": policy.testing, "method": policy.discovery_method,
        "pct": policy.pct, "domain": policy.domain, "email": metadata.email,
        "contact": metadata.extra_contact_info, "errors": list(metadata.errors) or None,
        "generator": metadata.generator,
    })  # fmt: skip


class _Head(msgspec.Struct):
    """What is read again of `head_facts`."""

    domain: str
    p: Policy | None = None
    sp: Policy | None = None
    np: Policy | None = None
    fo: str | None = None
    adkim: str | None = None
    aspf: str | None = None
    testing: bool | None = None
    method: DiscoveryMethod | None = None
    pct: int | None = None


def policy_of(facts: str) -> PolicyPublished:
    """Return the policy of `head_facts`."""
    found = msgspec.json.decode(facts, type=_Head)
    return PolicyPublished(
        domain=found.domain, p=found.p, sp=found.sp, np=found.np, fo=found.fo, adkim=found.adkim,
        aspf=found.aspf, testing=found.testing, discovery_method=found.method, pct=found.pct,
    )  # fmt: skip


def tls_facts(policy: TlsPolicy) -> str:
    """The hosts of a policy, and how sessions failed."""
    return _written({
        "hosts": list(policy.mx_hosts) or None,
        "failures": [
            [one.result_type, one.sessions, one.sending_ip, one.receiving_host, one.receiving_ip,
             one.reason]
            for one in policy.failures
        ],
    })  # fmt: skip


def failure_facts(report: FailureReport) -> str:
    """What a failure report says beside its columns."""
    return _written({
        "type": report.feedback_type, "unaligned": list(report.unaligned),
        "dkim": [report.dkim_domain, report.dkim_selector], "mail_from": report.mail_from_domain,
    })  # fmt: skip


def _written(facts: Mapping[str, object]) -> str:
    kept = {name: found for name, found in facts.items() if found is not None}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
