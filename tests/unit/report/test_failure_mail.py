"""The mail of a failure report: what stands in it, and how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from avowal.message import Header
from avowal.report.aggregation import Reporter
from avowal.report.arf import FAILURES, Report
from avowal.report.failure_case import FailureCase, FailureDraft
from avowal.report.failure_mail import FailureLetter
from avowal.report.failure_spool import WaitingCase
from avowal.report.redaction import Redactor

US = Reporter(organization="N", domain="r.example", email="dmarc@r.example", software="avowal 1")
DRAFT = FailureDraft(
    time=1_800_000_000, host="mx.r.example", domain="p.example", author="www.p.example",
    failure="dmarc", unaligned=("spf",), result="dmarc=pass header.from=www.p.example",
    delivery="delivered", header=Header.parse(b"From: a@www.p.example\r\n"), client="192.0.2.1",
    sender=b"a@p.example", spf_records=(("p.example", 'v=spf1 "x" -all'),),
)  # fmt: skip


def redacted(draft: FailureDraft = DRAFT) -> FailureCase:
    return FailureCase.of(draft, Redactor(b"k" * 32))


def letter(draft: FailureDraft = DRAFT, incidents: int = 1) -> bytes:
    return FailureLetter(WaitingCase(case=redacted(draft), incidents=incidents), US).octets(
        "f@p.example", date=draft.time
    )


def told(draft: FailureDraft = DRAFT) -> dict[str, str]:
    return dict(Report.parse(letter(draft)).fields)


def test_the_same_case_is_the_same_mail_whenever_it_is_sent() -> None:
    assert letter() == letter()
    assert FailureCase.read(redacted().octets()) == redacted()


@pytest.mark.parametrize("failure", FAILURES)
def test_each_failure_of_the_registry_can_be_told(failure: str) -> None:
    assert told(replace(DRAFT, failure=failure))["Auth-Failure"] == failure


def test_where_every_mechanism_is_aligned_none_is_named() -> None:
    """RFC 9991 §3: the keyword none."""
    assert told(replace(DRAFT, failure="signature", unaligned=()))["Identity-Alignment"] == "none"


def test_a_quote_in_a_record_is_escaped() -> None:
    """RFC 6591 §3.2.6: the record is a quoted-string."""
    assert told()["SPF-DNS"] == 'txt : p.example : "v=spf1 \\"x\\" -all"'


def test_a_record_that_is_too_long_is_not_told_in_part() -> None:
    assert "SPF-DNS" not in told(
        replace(DRAFT, spf_records=(("p.example", "v=spf1 " + "a" * 900),))
    )


def test_a_long_text_is_shown_so_far_only() -> None:
    assert len(redacted(replace(DRAFT, result="x" * 900)).result) == 500


def test_a_text_of_a_stranger_adds_no_field() -> None:
    fields = told(
        replace(DRAFT, result="dmarc=fail\r\nX-Injected: yes", sender=b"a\r\nX: y@p.example")
    )
    assert "X-Injected" not in fields
    assert "X" not in fields


def test_like_incidents_have_one_condition_and_others_another() -> None:
    assert (
        redacted().condition
        == redacted(replace(DRAFT, time=DRAFT.time + 5, queue_id="Q")).condition
    )
    for other in ({"client": "192.0.2.2"}, {"failure": "spf"}, {"author": "p.example"}):
        assert redacted(replace(DRAFT, **other)).condition != redacted().condition  # type: ignore[arg-type]


def test_the_number_of_incidents_is_told_to_people_too() -> None:
    assert b"7 messages like it came" in letter(incidents=7)
