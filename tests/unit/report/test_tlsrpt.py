"""Reports of SMTP TLS (RFC 8460)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from avowal.report.arf import ReportFault
from avowal.report.limits import ReportLimits
from avowal.report.tlsrpt import TlsFailure, TlsPolicy, read_tls_report


def report(**changes: object) -> dict[str, Any]:
    return {
        "organization-name": "Sender",
        "report-id": "7",
        "contact-info": "tls@sender.example",
        "date-range": {
            "start-datetime": "1970-01-01T00:00:00Z",
            "end-datetime": "1970-01-01T23:59:59Z",
        },
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-domain": "Example.org",
                    "mx-host": ["*.x"],
                },
                "summary": {
                    "total-successful-session-count": 5,
                    "total-failure-session-count": 2,
                },
                "failure-details": [
                    {"result-type": "certificate-expired", "failed-session-count": 2}
                ],
            }
        ],
    } | changes


def read(**changes: object) -> Any:
    return read_tls_report(json.dumps(report(**changes)).encode())


def test_a_report_is_read() -> None:
    found = read()
    assert (found.organization, found.report_id, found.begin, found.end) == (
        "Sender",
        "7",
        0,
        86399,
    )
    assert found.policies == (
        TlsPolicy(
            type="sts", domain="example.org", successful=5, failed=2, mx_hosts=("*.x",),
            failures=(TlsFailure(result_type="certificate-expired", sessions=2),),
        ),
    )  # fmt: skip


def test_one_host_as_a_text_is_a_list_of_one() -> None:
    policies = report()["policies"]
    policies[0]["policy"]["mx-host"] = "mx.example.org"
    assert read(policies=policies).policies[0].mx_hosts == ("mx.example.org",)


def test_a_number_in_quotes_is_a_number() -> None:
    policies = report()["policies"]
    policies[0]["summary"]["total-failure-session-count"] = "3"
    assert read(policies=policies).policies[0].failed == 3


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"{", id="broken"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"{}", id="nothing"),
        pytest.param(b'{"a":' * 100_000, id="deep"),
        pytest.param(b"\xff{}", id="no-utf-8"),
        pytest.param(b" " * ((16 << 20) + 1), id="large"),
        *(
            pytest.param(json.dumps(report(**changes)).encode(), id=name)
            for name, changes in {
                "no-policies": {"policies": []},
                "policies-a-number": {"policies": 1},
                "no-id": {"report-id": ""},
                "no-range": {"date-range": None},
                "no-time": {"date-range": {"start-datetime": "x", "end-datetime": "y"}},
            }.items()
        ),
    ],
)
def test_what_is_no_report_is_refused(octets: bytes) -> None:
    with pytest.raises(ReportFault):
        read_tls_report(octets)


@pytest.mark.parametrize("number", [-1, 10**15, True, "many", None, [1]])
def test_what_is_no_number_of_sessions_is_refused(number: object) -> None:
    policies = report()["policies"]
    policies[0]["summary"]["total-failure-session-count"] = number
    with pytest.raises(ReportFault, match="no number of sessions"):
        read(policies=policies)


def test_policies_beyond_the_limit_are_refused() -> None:
    octets = json.dumps(report(policies=report()["policies"] * 3)).encode()
    with pytest.raises(ReportFault, match="more than 2 policies"):
        read_tls_report(octets, limits=ReportLimits(results=2))


@pytest.mark.parametrize("ends", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_has_no_date_is_refused(ends: str) -> None:
    with pytest.raises(ReportFault, match="is no time"):
        read(**{"date-range": {"start-datetime": "1970-01-01", "end-datetime": ends}})


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ReportFault, match="organization-name is longer than 4096"):
        read(**{"organization-name": "x" * 4097})


@pytest.mark.parametrize("octets", [b'{"a":' * 100_000, b'{"a":' + b"9" * 10_000 + b"}"])
def test_json_beyond_measure_is_refused_in_words_for_its_reader(octets: bytes) -> None:
    with pytest.raises(ReportFault, match="nests too deep, or has a number too long"):
        read_tls_report(octets)
