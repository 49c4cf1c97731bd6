"""Which failures of a message are to be reported, and to whom (RFC 6651 §3.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

import avowal
from avowal.dkim.reasons import Reason
from avowal.dkim.verification import Verification
from avowal.lookup import Answer, Failure, Question, run
from avowal.report.dkim_feedback import (
    MOST_REPORTS,
    ReportRecord,
    ReportRecordFault,
    Wanted,
    auth_failure_of,
    kind_of,
    wanted,
)
from avowal.testing import ED25519, Zone, message, record_for, tamper

NOW = 1_800_000_000
DOMAINS = ("signer.example", "other.example")
KEYS = {f"e._domainkey.{domain}": record_for(ED25519) for domain in DOMAINS}


def failed(*domains: str, request: bool = True) -> tuple[Verification, ...]:
    """A message signed for these domains, changed on its way, and what verifying says."""
    text = message()
    fields = b"".join(
        avowal.sign(
            text, domain=domain, selector="e", key=ED25519, now=NOW, request_reports=request
        )
        for domain in domains
    )
    return avowal.verify(tamper(fields + text), Zone(KEYS), now=NOW)


def reports(
    verifications: tuple[Verification, ...], records: dict[str, object], *, draw: int = 0
) -> tuple[Wanted, ...]:
    zone = Zone({f"_report._domainkey.{domain}": value for domain, value in records.items()})
    return run(wanted(verifications, draw=draw), zone)


def addresses(record: object, *, draw: int = 0) -> list[str | None]:
    found = reports(failed("signer.example"), {"signer.example": record}, draw=draw)
    return [one.address for one in found]


def test_a_failure_goes_to_the_local_part_in_the_signing_domain() -> None:
    assert addresses("ra=dkim-errors") == ["dkim-errors@signer.example"]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param("ra=postmaster=40elsewhere.example", id="an address of its own"),
        pytest.param("ra=a=3E=20b", id="brackets and spaces"),
        pytest.param("ra=a=0D=0ABcc:b", id="a line end"),
        pytest.param("ra=" + "a" * 65, id="too long"),
    ],
)
def test_the_address_cannot_leave_the_signing_domain(record: str) -> None:
    assert addresses(record) == []


@pytest.mark.parametrize(
    ("record", "draw", "sent"),
    [
        pytest.param("ra=a", 99, True, id="rp is 100 by default"),
        pytest.param("ra=a; rp=10", 9, True, id="below rp"),
        pytest.param("ra=a; rp=10", 10, False, id="at rp"),
        pytest.param("ra=a; rp=0", 0, False, id="rp of 0"),
        pytest.param("ra=a; rp=101", 0, False, id="rp over 100 spoils the record"),
        pytest.param("ra=a; rp=x", 0, False, id="rp that is no number"),
        pytest.param("ra=a; rr=v", 0, True, id="the kind is asked for"),
        pytest.param("ra=a; rr=d:x", 0, False, id="other kinds are asked for"),
        pytest.param("ra=a; rr=zz", 0, False, id="only an unknown kind"),
        pytest.param("ra=a; rr=zz:all", 0, True, id="all"),
        pytest.param("ra=a; unknown=1", 0, True, id="unknown tags are ignored"),
        pytest.param("rp=100; rr=all", 0, False, id="no ra"),
        pytest.param(["ra=a", "ra=b"], 0, False, id="two records"),
        pytest.param(Answer.failed(Failure.TIMEOUT), 0, False, id="DNS trouble"),
        pytest.param("ra=a; ra=b", 0, False, id="a duplicate tag"),
    ],
)
def test_a_report_is_sent_exactly_where_the_record_wants_it(
    record: object, draw: int, sent: bool
) -> None:
    assert bool(addresses(record, draw=draw)) is sent


def test_a_record_in_several_strings_is_one() -> None:
    record = ReportRecord.parse(b"ra=dkim" + b"-errors; rs=see=20http://x.example/")
    assert record.local_part == b"dkim-errors"
    assert record.text == "see http://x.example/"


def test_without_an_address_the_text_for_the_reply_is_left() -> None:
    (found,) = reports(failed("signer.example"), {"signer.example": "rs=call=20us; rr=d"})
    assert (found.address, found.text) == (None, "call us")


def test_a_text_is_one_printable_line() -> None:
    assert ReportRecord.parse(b"rs=a=0D=0A250=20ok").text == "a??250 ok"


def test_a_signature_that_does_not_ask_is_never_reported() -> None:
    assert reports(failed("signer.example", request=False), {"signer.example": "ra=a"}) == ()


def test_a_signature_that_passes_is_not_reported() -> None:
    text = message()
    field = avowal.sign(
        text, domain="signer.example", selector="e", key=ED25519, request_reports=True
    )
    assert reports(avowal.verify(field + text, Zone(KEYS)), {"signer.example": "ra=a"}) == ()


def test_a_domain_gets_one_report_of_a_message_and_two_domains_two() -> None:
    verifications = failed("signer.example", "signer.example", "other.example")
    found = reports(verifications, dict.fromkeys(DOMAINS, "ra=a"))
    assert [one.address for one in found] == ["a@signer.example", "a@other.example"]


def test_a_message_that_names_many_domains_asks_for_few() -> None:
    asked: list[Question] = []

    class Counting:
        def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            asked.extend(questions)
            return tuple(Answer.failed(Failure.TIMEOUT) for _ in questions)

    many = failed(*(f"d{number}.example" for number in range(MOST_REPORTS + 4)))
    run(wanted(many, draw=0), Counting())
    assert len(asked) == MOST_REPORTS


def test_verdicts_are_the_same_values_after_reporting() -> None:
    verifications = failed("signer.example")
    (found,) = reports(verifications, {"signer.example": "ra=a"})
    assert found.verification is verifications[0]
    assert verifications == failed("signer.example")


@pytest.mark.parametrize(
    ("reason", "kind", "word"),
    [
        pytest.param(Reason.BODY_HASH, "v", "bodyhash", id="body"),
        pytest.param(Reason.SIGNATURE, "v", "signature", id="signature"),
        pytest.param(Reason.KEY_UNAVAILABLE, "d", "signature", id="key"),
        pytest.param(Reason.KEY_REVOKED, "o", "revoked", id="revoked"),
        pytest.param(Reason.KEY_SYNTAX, "s", "signature", id="syntax"),
        pytest.param(Reason.EXPIRED, "x", "signature", id="expired"),
        pytest.param(Reason.UNACCEPTABLE_DOMAIN, "p", "signature", id="policy"),
    ],
)
def test_each_reason_is_of_a_kind_and_has_a_word(reason: Reason, kind: str, word: str) -> None:
    (verification,) = failed("signer.example")
    told = replace(verification, reason=reason)
    assert (kind_of(told), auth_failure_of(told)) == (kind, word)


@pytest.mark.parametrize("octets", [b"\xff", b"ra", b"ra==ZZ", b"rs==Z"])
def test_what_is_no_record_is_a_fault(octets: bytes) -> None:
    with pytest.raises(ReportRecordFault):
        ReportRecord.parse(octets)
