"""The Abuse Reporting Format (RFC 5965) and auth-failure reports (RFC 6591)."""

from __future__ import annotations

import email
import re
from email.message import Message as ParsedMessage

import pytest

from avowal._fast import bare_break
from avowal.report.arf import Report, ReportEnvelope, ReportFault, auth_failure, base64_value

HEADER = b"From: a@author.example\r\nSubject: hello\r\n"
ENVELOPE = ReportEnvelope(
    sender="postmaster@receiver.example",
    recipient="reports@signer.example",
    subject="a failure",
    date=1_800_000_000,
    message_id="1@receiver.example",
)
FIELDS = auth_failure(
    failure="bodyhash",
    user_agent="avowal/1",
    results="mx.receiver.example; dkim=fail header.d=signer.example",
    details=(("Reported-Domain", "signer.example"), ("Source-IP", None)),
)


def composed(report: Report) -> ParsedMessage:
    return email.message_from_bytes(report.octets(ENVELOPE))


def test_a_report_is_a_multipart_report_of_three_parts() -> None:
    report = Report(fields=FIELDS, header=HEADER, text="Read me.")
    parsed = composed(report)
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "feedback-report"
    _, *kinds = re.findall(rb"Content-Type: ([a-z0-9/-]+)", report.octets(ENVELOPE))
    assert kinds == [b"text/plain", b"message/feedback-report", b"text/rfc822-headers"]


def test_the_fields_come_back_in_order_and_absent_ones_are_left_out() -> None:
    read = Report.parse(Report(fields=FIELDS, header=HEADER, text="x").octets(ENVELOPE))
    assert read.fields == FIELDS
    assert [name for name, _ in read.fields] == [
        "Feedback-Type", "User-Agent", "Version", "Auth-Failure", "Authentication-Results",
        "Delivery-Result", "Reported-Domain",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(HEADER, id="ascii"),
        pytest.param("From: a@author.example\r\nSubject: h\u00e9\r\n".encode(), id="8-bit"),
    ],
)
def test_the_reported_header_comes_back_octet_for_octet(header: bytes) -> None:
    octets = Report(fields=FIELDS, header=header, text="x").octets(ENVELOPE)
    assert octets.isascii()
    assert Report.parse(octets).header == header


def test_nothing_a_stranger_wrote_becomes_a_field() -> None:
    fields = (*FIELDS, ("Original-Mail-From", "<a@b>\r\nIncidents: 9"))
    read = Report.parse(Report(fields=fields, header=HEADER).octets(ENVELOPE))
    assert read.value("Incidents") is None


def test_the_boundary_stands_in_no_part() -> None:
    first = Report(fields=FIELDS, header=HEADER).octets(ENVELOPE)
    boundary = email.message_from_bytes(first).get_boundary()
    assert boundary is not None
    planted = HEADER + f"X: --{boundary}\r\n".encode()
    assert Report.parse(Report(fields=FIELDS, header=planted).octets(ENVELOPE)).header == planted


def test_a_report_says_that_nobody_is_to_answer_it() -> None:
    assert composed(Report(fields=FIELDS, header=HEADER))["Auto-Submitted"] == "auto-generated"


def test_a_long_value_is_folded_and_comes_back() -> None:
    body = bytes(range(256)) * 4
    fields = (*FIELDS, ("DKIM-Canonicalized-Body", base64_value(body)))
    octets = Report(fields=fields, header=HEADER).octets(ENVELOPE)
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    value = Report.parse(octets).value("DKIM-Canonicalized-Body")
    assert value == base64_value(body)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        pytest.param("Version: 1", "X: 1", "there is no Version", id="Version is missing"),
        pytest.param("Version: 1", "Version: 1\r\nVersion: 1", "version stands",
                     id="Version twice"),
        pytest.param("report-type=feedback-report", "report-type=delivery-status",
                     "not a multipart/report", id="another type"),
    ],
)  # fmt: skip
def test_a_malformed_report_is_refused_with_the_cause(old: str, new: str, why: str) -> None:
    octets = Report(fields=FIELDS, header=HEADER).octets(ENVELOPE)
    with pytest.raises(ReportFault, match=why):
        Report.parse(octets.replace(old.encode(), new.encode()))


def test_a_word_that_is_in_no_registry_is_refused() -> None:
    with pytest.raises(ReportFault, match="registry"):
        auth_failure(failure="surprise", user_agent="x/1", results="r")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"Subject: a\nBcc: b@c\r\n", id="bare-lf"),
        pytest.param(b"Subject: a\r.\rMAIL FROM:<b@c>\r\n", id="bare-cr"),
        pytest.param(b"Subject: a\x00b\r\n", id="nul"),
        pytest.param(b"Subject: %s\r\n" % (b"a" * 999), id="a-line-that-is-too-long"),
        pytest.param("Subject: ä\r\n".encode(), id="8-bit"),
    ],
)
def test_a_report_is_lines_of_text_whatever_the_reported_header_holds(header: bytes) -> None:
    """RFC 2045 §2.7, RFC 5965 §7.1: where servers differ on line ends nothing begins a command."""
    octets = Report(fields=FIELDS, header=header).octets(ENVELOPE)
    assert bare_break(octets) < 0
    assert octets.isascii()
    assert b"\0" not in octets
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert Report.parse(octets).header == header
