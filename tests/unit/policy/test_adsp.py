"""Author Domain Signing Practices (RFC 5617)."""

from __future__ import annotations

import pytest
from tests.evidence import Counting, by, name, signed

from avowal.lookup import Question, run
from avowal.policy import adsp, atps
from avowal.policy.adsp import AdspResult
from avowal.policy.existence import Existence
from avowal.policy.result import PolicyResult
from avowal.testing import Zone

AT = "_adsp._domainkey.example.com"
JOE = by("joe@example.com")


def result(
    zone: dict[str, object], *signatures: object, author: str = "joe@example.com"
) -> AdspResult:
    return run(adsp.evaluate(by(author), signatures), Zone(zone)).result


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param("dkim=unknown", AdspResult.UNKNOWN, id="unknown"),
        pytest.param("dkim=all", AdspResult.FAIL, id="all"),
        pytest.param("dkim=discardable", AdspResult.DISCARD, id="discardable"),
        pytest.param("dkim=strict", AdspResult.UNKNOWN, id="any-other-word-is-unknown"),
        pytest.param("dkim=ALL", AdspResult.UNKNOWN, id="case-counts"),
        pytest.param("dkim \t = all ; ra=x; foo=bar", AdspResult.FAIL, id="space-and-other-tags"),
        pytest.param("DKIM=all", AdspResult.NONE, id="upper-case-tag-is-no-record"),
        pytest.param("v=1; dkim=all", AdspResult.NONE, id="dkim-must-be-first"),
        pytest.param(" dkim=all", AdspResult.NONE, id="first-characters"),
        pytest.param("dkim=all; ;", AdspResult.NONE, id="bad-syntax-is-as-absent"),
        pytest.param(b"dkim=\r\n all", AdspResult.NONE, id="no-folds"),
        pytest.param(["dkim=all", "dkim=all"], AdspResult.PERMERROR, id="several-records"),
        pytest.param(["dkim=all", "v=spf1 -all"], AdspResult.FAIL, id="foreign-record-beside"),
        pytest.param("v=spf1 -all", AdspResult.NONE, id="foreign-record-alone"),
    ],
)
def test_the_record_decides_without_an_author_domain_signature(
    record: object, expected: AdspResult
) -> None:
    assert result({AT: record}) is expected


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        pytest.param(signed("example.com"), AdspResult.PASS, id="equal"),
        pytest.param(signed("EXAMPLE.com"), AdspResult.PASS, id="case-means-nothing"),
        pytest.param(signed("sub.example.com"), AdspResult.FAIL, id="subdomain-is-another"),
        pytest.param(signed("com"), AdspResult.FAIL, id="parent-is-another"),
        pytest.param(signed("example.com", "fail"), AdspResult.FAIL, id="broken-is-none"),
        pytest.param(
            signed("example.com", i="@x.example.com"), AdspResult.PASS, id="d-decides-not-i"
        ),
    ],
)
def test_an_author_domain_signature_has_the_author_domain_in_d(
    signature: object, expected: AdspResult
) -> None:
    assert result({AT: "dkim=all"}, signature) is expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        pytest.param({}, AdspResult.NXDOMAIN, id="no-such-domain"),
        pytest.param({"example.com": {"MX": ["10 mx"]}}, AdspResult.NONE, id="no-record"),
        pytest.param({"x.example.com": "y"}, AdspResult.NONE, id="nodata-is-not-nxdomain"),
        pytest.param(
            {"example.com": "NXDOMAIN", AT: "dkim=all"}, AdspResult.NXDOMAIN, id="nxdomain"
        ),
    ],
)
def test_the_domain_has_to_exist(zone: dict[str, object], expected: AdspResult) -> None:
    assert result(zone) is expected


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        pytest.param({"MX": ["10 mx"]}, AdspResult.FAIL, id="mx"),
        pytest.param({"A": ["192.0.2.1"]}, AdspResult.FAIL, id="a"),
        pytest.param({"AAAA": ["2001:db8::1"]}, AdspResult.FAIL, id="aaaa"),
        pytest.param({"TXT": ["text"]}, AdspResult.NXDOMAIN, id="none-of-them"),
    ],
)
def test_a_domain_without_mail_hosts_may_be_taken_as_out_of_scope(
    types: dict[str, object], expected: AdspResult
) -> None:
    flow = adsp.evaluate(JOE, existence=Existence.NO_HOST)
    assert run(flow, Zone({"example.com": types, AT: "dkim=all"})).result is expected


@pytest.mark.parametrize(
    ("failing", "existence"),
    [
        pytest.param(Question("example.com", "MX"), Existence.NO_NAME, id="mx"),
        pytest.param(Question(AT), Existence.NO_NAME, id="record"),
        pytest.param(Question("example.com", "A"), Existence.NO_HOST, id="a"),
        pytest.param(Question("example.com", "AAAA"), Existence.NO_HOST, id="aaaa"),
    ],
)
def test_no_answer_is_temperror(failing: Question, existence: Existence) -> None:
    counting = Counting(Zone({AT: "dkim=unknown"}), fails=(failing,))
    found = run(adsp.evaluate(JOE, existence=existence), counting)
    assert found.result is AdspResult.TEMPERROR


def test_each_author_domain_is_looked_up_and_the_strictest_stands() -> None:
    zone = {AT: "dkim=unknown", "_adsp._domainkey.bank.example": "dkim=discardable"}
    counting = Counting(Zone(zone))
    found = run(adsp.evaluate(by("a@example.com, b@bank.example")), counting)
    assert (found.result, len(counting.rounds)) == (AdspResult.DISCARD, 1)


def test_a_valid_author_domain_signature_needs_no_question() -> None:
    counting = Counting(Zone({AT: "dkim=all"}))
    run(adsp.evaluate(JOE, [signed("example.com")]), counting)
    assert counting.rounds == []


def test_an_authorized_third_party_counts_as_the_author() -> None:
    signatures = [signed("third.example", atps=name("example.com"), atpsh="none")]
    zone = Zone({AT: "dkim=all", "third.example._atps.example.com": "v=ATPS1"})
    allowed = run(atps.evaluate(JOE, signatures), zone)
    found = run(adsp.evaluate(JOE, signatures, authorized=allowed.authorized), zone)
    assert (allowed.result, found.result) == (PolicyResult.PASS, AdspResult.PASS)


def test_reporting_tags_are_kept() -> None:
    zone = Zone({AT: "dkim=all; ra=postmaster; rr=all"})
    found = run(adsp.evaluate(JOE), zone).decisive
    assert found is not None
    assert found.record is not None
    assert dict(found.record.other_tags) == {"ra": b"postmaster", "rr": b"all"}


def test_the_results_are_those_of_rfc_5617() -> None:
    assert {r.value for r in AdspResult} == {
        "none", "pass", "unknown", "fail", "discard", "nxdomain", "temperror", "permerror",
    }  # fmt: skip
