"""Aggregate reports as values: what a receiver tells a domain owner of a period of mail (RFC 9990).

One report is about one policy domain in one configuration.  A `Record` counts the messages that
are alike in everything the report tells of them.  The same values stand for the older form
(RFC 7489 Appendix C); what only one of the two has is None in the other.

`aggregate_xml` writes them, `aggregate_reader` reads them; counting messages into records, sending
and keeping is for others.

>>> record = Record(source_ip="192.0.2.1", count=2, disposition=Disposition.PASS,
...                 dkim=Aligned.PASS, spf=Aligned.FAIL, header_from="example.org",
...                 dkim_results=(DkimAuthResult(domain="example.org", selector="s1",
...                                              result=Result.PASS),))
>>> record.passed
True
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from avowal.dkim.reasons import Result
from avowal.names import is_below
from avowal.policy.dmarc.record import Policy
from avowal.valueclass import value

__all__ = [
    "MOST_DKIM_RESULTS",
    "AggregateReport",
    "Aligned",
    "DiscoveryMethod",
    "Disposition",
    "DkimAuthResult",
    "OverrideType",
    "Policy",
    "PolicyOverrideReason",
    "PolicyPublished",
    "Record",
    "ReportKey",
    "ReportMetadata",
    "Result",
    "SpfAuthResult",
    "SpfResultWord",
    "preferred",
]

MOST_DKIM_RESULTS = 100  # of one record, RFC 9990 §3.1.3 (DKIM Signatures in Aggregate Reports)


class Disposition(StrEnum):
    """What was done to the messages of a record (ActionDispositionType)."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - DMARC passed under a policy that asks for more than none
    QUARANTINE = "quarantine"
    REJECT = "reject"


class Aligned(StrEnum):
    """Whether a mechanism passed in alignment with the author domain (DMARCResultType)."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"


class DiscoveryMethod(StrEnum):
    """How the policy record was found: the suffix list of RFC 7489, or the walk of RFC 9989."""

    PSL = "psl"
    TREEWALK = "treewalk"


class OverrideType(StrEnum):
    """Why the disposition is not the policy (PolicyOverrideType); the last two: RFC 7489 only."""

    LOCAL_POLICY = "local_policy"
    MAILING_LIST = "mailing_list"
    OTHER = "other"
    POLICY_TEST_MODE = "policy_test_mode"
    TRUSTED_FORWARDER = "trusted_forwarder"
    FORWARDED = "forwarded"
    SAMPLED_OUT = "sampled_out"


class SpfResultWord(StrEnum):
    """The words of RFC 8601 §2.7.2 for SPF (SPFResultType)."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    SOFTFAIL = "softfail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@value
class PolicyOverrideReason:
    """One reason of a record, with what the receiver adds to it."""

    type: OverrideType
    comment: str | None = None


@value
class DkimAuthResult:
    """One signature of the messages of a record, as it verified.

    `selector` is None in old reports that leave it out, `result` where the report has no word
    of the registry.
    """

    domain: str
    result: Result | None
    selector: str | None = None
    human_result: str | None = None


@value
class SpfAuthResult:
    """What SPF said of the envelope; `scope` is mfrom, or helo in reports of RFC 7489."""

    domain: str
    result: SpfResultWord | None
    scope: str | None = None
    human_result: str | None = None


@value
class Record:
    """Messages that are alike: from one address, with one outcome and the same identifiers.

    `count` is their number, at least 1.  `dkim` and `spf` are the results in alignment, None
    where a report does not say; the others are as the mechanisms found them.  `envelope_from`
    is "" for the null reverse-path, None where it is not told.
    """

    source_ip: str
    count: int
    disposition: Disposition | None
    dkim: Aligned | None
    spf: Aligned | None
    header_from: str
    reasons: tuple[PolicyOverrideReason, ...] = ()
    envelope_from: str | None = None
    envelope_to: str | None = None
    dkim_results: tuple[DkimAuthResult, ...] = ()
    spf_results: tuple[SpfAuthResult, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the messages passed DMARC (RFC 9989 §5.4): either mechanism in alignment."""
        return self.dkim is Aligned.PASS or self.spf is Aligned.PASS


@value
class PolicyPublished:
    """The policy as the receiver found it; `domain` is where the record stands.

    `pct` is of RFC 7489 only; `np`, `testing` and `discovery_method` of RFC 9990 only.
    """

    domain: str
    p: Policy | None = None
    sp: Policy | None = None
    np: Policy | None = None
    fo: str | None = None
    adkim: str | None = None
    aspf: str | None = None
    testing: bool | None = None
    discovery_method: DiscoveryMethod | None = None
    pct: int | None = None


@value
class ReportMetadata:
    """Who reports, and of which time: `begin` and `end` in seconds of Unix time."""

    org_name: str
    email: str
    report_id: str
    begin: int
    end: int
    extra_contact_info: str | None = None
    errors: tuple[str, ...] = ()
    generator: str | None = None


class ReportKey(NamedTuple):
    """What tells reports apart: organisation, report id, policy domain; names in lower case."""

    org_name: str
    report_id: str
    domain: str


@value
class AggregateReport:
    """One report; RFC 9990 wants one record at least."""

    metadata: ReportMetadata
    policy: PolicyPublished
    records: tuple[Record, ...] = ()
    version: str | None = None

    @property
    def key(self) -> ReportKey:
        """The same for each copy of this report."""
        return key_of(self.metadata, self.policy)

    @property
    def messages(self) -> int:
        """How many messages the report counts."""
        return sum(record.count for record in self.records)


def key_of(metadata: ReportMetadata, policy: PolicyPublished) -> ReportKey:
    """Return what tells a report with this beginning apart from others."""
    return ReportKey(
        metadata.org_name.strip().lower(), metadata.report_id.strip(), policy.domain.lower()
    )


def preferred(results: tuple[DkimAuthResult, ...], *, author: str, organization: str) -> tuple[
    DkimAuthResult, ...
]:  # fmt: skip
    """Return the signatures that a record tells of, the most telling first.

    Passing ones of the author domain itself, then those of its organization, then other passing
    ones, then the rest (RFC 9990 §3.1.3); no more than MOST_DKIM_RESULTS, which is a number that
    the RFC asks for: what is left out is told nowhere.  Both names in A-labels.
    """
    return tuple(_ranked(results, author.lower(), organization.lower()))[:MOST_DKIM_RESULTS]


def _ranked(
    results: tuple[DkimAuthResult, ...], author: str, organization: str
) -> Iterator[DkimAuthResult]:
    def rank(one: DkimAuthResult) -> int:
        if one.result is not Result.PASS:
            return 3
        domain = one.domain.lower()
        if domain == author:
            return 0
        return 1 if is_below(domain, organization) else 2

    return iter(sorted(results, key=rank))
