"""Failure reports that strangers send (RFC 9991, RFC 6591)."""

from __future__ import annotations

import base64

import pytest
from tests.reportmails import FEEDBACK, HEAD, feedback

from avowal.report.arf import ReportFault
from avowal.report.failure import FailureReport, read_failure_report

FOUND = FailureReport(
    organization="mail.example", report_id="<7@mail.example>", domain="example.org",
    feedback_type="auth-failure", failure="dmarc", source_ip="192.0.2.1", arrival=100,
    delivery="reject", unaligned=("dkim", "spf"), dkim_domain="example.org", dkim_selector="s1",
    mail_from_domain="bounce.example",
)  # fmt: skip
EXIM = (
    HEAD
    + b"Content-Type: text/plain\r\n\r\nA message failed.\r\n\r\n  Sender Domain: example.org\r\n"
    b"  Sender IP Address: 192.0.2.1\r\n  Received date: Thu, 1 Jan 1970 00:01:40 +0000\r\n"
    b"  SPF Alignment: no\r\n  DKIM Alignment: yes\r\n"
)


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(feedback(), id="rfc-6591"),
        pytest.param(feedback().replace(b"\r\n", b"\n"), id="stored"),
        pytest.param(feedback(kind=b"multipart/mixed"), id="no-multipart-report"),
        pytest.param(feedback(b"\r\n" + FEEDBACK), id="an-empty-line-first"),
        pytest.param(
            feedback(base64.encodebytes(FEEDBACK), extra=b"Content-Transfer-Encoding: base64\r\n"),
            id="base64",
        ),
        pytest.param(feedback(base64.encodebytes(FEEDBACK)), id="base64-without-saying-so"),
    ],
)
def test_a_report_is_read(mail: bytes) -> None:
    assert read_failure_report(mail) == FOUND


def test_the_words_of_exim_are_read() -> None:
    found = read_failure_report(EXIM)
    assert (found.domain, found.source_ip, found.arrival) == ("example.org", "192.0.2.1", 100)
    assert found.unaligned == ("spf",)


def test_no_local_part_and_no_subject_is_kept() -> None:
    assert "anna" not in repr(read_failure_report(feedback()))
    assert "private" not in repr(read_failure_report(feedback()))


def test_without_a_reported_domain_the_author_tells_it() -> None:
    fields = FEEDBACK.replace(b"Reported-Domain: Example.org\r\n", b"")
    assert read_failure_report(feedback(fields)).domain == "example.org"


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(HEAD + b"\r\nHello\r\n", id="other-mail"),
        pytest.param(feedback(b"User-Agent: x\r\n", reported=b"Subject: x\r\n"), id="no-domain"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_failure_report_is_refused(mail: bytes) -> None:
    with pytest.raises(ReportFault):
        read_failure_report(mail)


def test_a_field_beyond_the_limit_is_missing() -> None:
    fields = FEEDBACK.replace(b"DKIM-Selector: s1", b"DKIM-Selector: " + b"s" * 501)
    assert read_failure_report(feedback(fields)).dkim_selector is None


def test_words_far_down_a_text_are_not_looked_for() -> None:
    with pytest.raises(ReportFault):
        read_failure_report(EXIM.replace(b"A message failed.", b"x\r\n" * 6000))


@pytest.mark.parametrize(
    ("line", "incidents"), [(b"3", 3), (b"0", 1), (b"many", 1), (b"9" * 30, 1)]
)
def test_incidents_are_a_number(line: bytes, incidents: int) -> None:
    assert (
        read_failure_report(feedback(FEEDBACK + b"Incidents: %s\r\n" % line)).incidents == incidents
    )
