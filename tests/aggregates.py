"""Aggregate reports for tests: a report to alter, and strategies that make any."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from avowal.report import aggregate_sections
from avowal.report.aggregate import (
    AggregateReport,
    Aligned,
    DiscoveryMethod,
    Disposition,
    DkimAuthResult,
    OverrideType,
    Policy,
    PolicyOverrideReason,
    PolicyPublished,
    Record,
    ReportMetadata,
    Result,
    SpfAuthResult,
    SpfResultWord,
)

RECORD = Record(
    source_ip="192.0.2.1",
    count=2,
    disposition=Disposition.PASS,
    dkim=Aligned.PASS,
    spf=Aligned.FAIL,
    header_from="example.org",
    envelope_from="bounce.example.net",
    dkim_results=(DkimAuthResult(domain="example.org", selector="s1", result=Result.PASS),),
    spf_results=(
        SpfAuthResult(domain="bounce.example.net", scope="mfrom", result=SpfResultWord.PASS),
    ),
)
METADATA = ReportMetadata(
    org_name="mail.example", email="dmarc@mail.example", report_id="7", begin=0, end=86399
)
POLICY = PolicyPublished(domain="example.org", p=Policy.REJECT)
REPORT = AggregateReport(metadata=METADATA, policy=POLICY, records=(RECORD,), version="1.0")

_WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=20
).map(str.strip)
_FILLED = _WORDS.filter(bool)
_DOMAINS = st.sampled_from(["example.org", "a.example.org", "esp.example", "xn--bcher-kva.example"])
_MAYBE = st.none() | _FILLED


def address(made: IPv4Address | IPv6Address) -> str:
    """An address as reports that are read have it."""
    return aggregate_sections.address(str(made).partition("%")[0])


def _of(words: type) -> st.SearchStrategy:  # type: ignore[type-arg]
    return st.sampled_from(list(words))


REASONS = st.builds(
    PolicyOverrideReason,
    type=st.sampled_from(
        [
            one
            for one in OverrideType
            if one not in (OverrideType.FORWARDED, OverrideType.SAMPLED_OUT)
        ]
    ),
    comment=_MAYBE,
)
DKIM_RESULTS = st.builds(
    DkimAuthResult, domain=_DOMAINS, result=_of(Result), selector=_FILLED, human_result=_MAYBE
)
SPF_RESULTS = st.builds(
    SpfAuthResult, domain=_DOMAINS, result=_of(SpfResultWord), scope=st.just("mfrom"),
    human_result=_MAYBE,
)  # fmt: skip
RECORDS = st.builds(
    Record,
    source_ip=st.ip_addresses().map(address),
    count=st.integers(1, 10**9),
    disposition=_of(Disposition),
    dkim=_of(Aligned),
    spf=_of(Aligned),
    header_from=_DOMAINS,
    reasons=st.lists(REASONS, max_size=2).map(tuple),
    envelope_from=st.none() | st.just("") | _DOMAINS,
    envelope_to=st.none() | _DOMAINS,
    dkim_results=st.lists(DKIM_RESULTS, max_size=3).map(tuple),
    spf_results=st.lists(SPF_RESULTS, max_size=1).map(tuple),
)
POLICIES = st.builds(
    PolicyPublished,
    domain=_DOMAINS,
    p=_of(Policy),
    sp=st.none() | _of(Policy),
    np=st.none() | _of(Policy),
    fo=st.none() | st.just("1:d"),
    adkim=st.none() | st.sampled_from("rs"),
    aspf=st.none() | st.sampled_from("rs"),
    testing=st.none() | st.booleans(),
    discovery_method=st.none() | _of(DiscoveryMethod),
)
METADATAS = st.builds(
    ReportMetadata, org_name=_FILLED, email=_FILLED, report_id=_FILLED, begin=st.just(5),
    end=st.integers(5, 10**10), extra_contact_info=_MAYBE,
    errors=st.lists(_FILLED, max_size=1).map(tuple), generator=_MAYBE,
)  # fmt: skip
REPORTS = st.builds(
    AggregateReport, metadata=METADATAS, policy=POLICIES,
    records=st.lists(RECORDS, min_size=1, max_size=4).map(tuple), version=st.just("1.0"),
)  # fmt: skip


def with_records(*records: Record) -> AggregateReport:
    return replace(REPORT, records=records)
