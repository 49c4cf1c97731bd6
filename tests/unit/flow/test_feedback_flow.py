"""Failure reports and diagnoses in the flow (RFC 6651): what is asked, told, and left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.inspecting import inspected
from tests.unit.flow.conftest import steps_about

import avowal
from avowal.config.toml import parse
from avowal.errors import ConfigError
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.plan import Plan
from avowal.flow.trace import Topic
from avowal.flow.transaction import Transaction
from avowal.lookup import Answer, Failure
from avowal.message import Message
from avowal.report.arf import Report
from avowal.testing import ED25519, Zone, message, record_for, tamper

NOW = 1_800_000_000
KEYS = {"e._domainkey.signer.example": record_for(ED25519)}
RECORD = "ra=errors; rs=see=20our=20page"
SENDING = 'mode = "verify"\nreports.send = true\nresults.authserv_id = "receiver.example"\n'


def plan(toml: str = SENDING) -> Plan:
    loaded = parse(toml.encode(), file="avowal.toml")
    return compile_plan(
        loaded.configuration,
        loaded.places,
        load=lambda *_: ED25519,
    )


def signed(octets: bytes | None = None, **options: Any) -> bytes:
    text = octets or message()
    wanted = {"request_reports": True, **options}
    field = avowal.sign(text, domain="signer.example", selector="e", key=ED25519, now=NOW, **wanted)
    return field + text


def judged(
    octets: bytes, toml: str = SENDING, *, record: object = RECORD, **transaction: Any
) -> Actions:
    zone = Zone({**KEYS, "_report._domainkey.signer.example": record})
    read = Message.parse(octets)
    known = Transaction(
        received_at=NOW,
        **{
            "sender": b"bounce@signer.example",
            "recipients": (b"me@receiver.example", b"you@receiver.example"),
            "queue_id": "4XYZ",
            "hostname": "mx.receiver.example",
            **transaction,
        },
    )
    pieces = [read.body[at : at + 7] for at in range(0, len(read.body), 7)]
    return decide(inspected(plan(toml), known, read.header, pieces, zone, now=NOW))


BROKEN = tamper(signed())


def test_a_failure_that_is_asked_about_is_reported_to_the_signer() -> None:
    actions = judged(BROKEN)
    (mail,) = actions.reports
    assert mail.envelope.recipient == "errors@signer.example"
    assert mail.envelope.sender == "postmaster@receiver.example"
    assert actions.record.reports == 1
    assert dict(actions.record.items())["reports"] == 1


def test_a_report_says_what_rfc_6591_wants_and_repeats_what_was_hashed() -> None:
    (mail,) = judged(BROKEN).reports
    fields = dict(Report.parse(mail.report.octets(mail.envelope)).fields)
    assert fields["Feedback-Type"] == "auth-failure"
    assert fields["Auth-Failure"] == "bodyhash"
    assert fields["Delivery-Result"] == "delivered"
    assert fields["Original-Mail-From"] == "<bounce@signer.example>"
    assert fields["Original-Rcpt-To"] == "<me@receiver.example>"
    assert fields["Reported-Domain"] == fields["DKIM-Domain"] == "signer.example"
    assert fields["DKIM-Selector"] == "e"
    assert {"DKIM-Canonicalized-Header", "DKIM-Canonicalized-Body"} <= fields.keys()
    assert mail.report.header == Message.parse(BROKEN).header.octets


@pytest.mark.parametrize(
    ("octets", "transaction"),
    [
        pytest.param(signed(), {}, id="a pass"),
        pytest.param(tamper(signed(request_reports=False)), {}, id="no r=y"),
        pytest.param(BROKEN, {"sender": b""}, id="a bounce"),
        pytest.param(
            b"Content-Type: multipart/report; report-type=Feedback-Report\r\n" + BROKEN,
            {},
            id="a report",
        ),
    ],
)
def test_what_must_not_be_reported_is_not(octets: bytes, transaction: dict[str, Any]) -> None:
    assert judged(octets, **transaction).reports == ()


def test_nothing_is_asked_nor_sent_unless_reports_are_switched_on() -> None:
    actions = judged(BROKEN, 'mode = "verify"\n', record=Answer.failed(Failure.TIMEOUT))
    assert actions.reports == ()


@pytest.mark.parametrize(("draw", "sent"), [(9, 1), (10, 0)])
def test_a_share_of_failures_is_reported_by_the_draw(draw: int, sent: int) -> None:
    assert len(judged(BROKEN, record="ra=errors; rp=10", draw=draw).reports) == sent


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(RECORD, id="a report is wanted"),
        pytest.param(Answer.failed(Failure.TIMEOUT), id="DNS is silent"),
        pytest.param(["ra=a", "ra=b"], id="the record is no record"),
    ],
)
def test_the_outcome_is_the_same_with_and_without_reports(record: object) -> None:
    quiet = judged(BROKEN, SENDING.replace("true", "false"))
    told = judged(BROKEN, record=record)
    assert (told.disposition, told.insert, told.delete) == (
        quiet.disposition, quiet.insert, quiet.delete,
    )  # fmt: skip
    assert replace(told.record, reports=0) == quiet.record


@pytest.mark.parametrize(
    ("action", "disposition", "word"),
    [
        pytest.param("reject", FlowDisposition.REJECT, "reject", id="reject"),
        pytest.param("quarantine", FlowDisposition.ACCEPT, "policy", id="quarantine"),
        pytest.param("discard", FlowDisposition.DISCARD, "policy", id="discard"),
    ],
)
def test_the_report_says_what_became_of_the_message(
    action: str, disposition: FlowDisposition, word: str
) -> None:
    actions = judged(BROKEN, SENDING + f'actions.bad_signature = "{action}"\n')
    assert actions.disposition is disposition
    assert actions.reports[0].report.value("Delivery-Result") == word


def test_the_words_of_the_signer_stand_in_the_reply_to_a_refused_message() -> None:
    actions = judged(BROKEN, SENDING + 'actions.bad_signature = "reject"\n')
    assert actions.reply is not None
    assert actions.reply.text.endswith("; signer.example says: see our page")


def test_the_words_are_there_without_an_address_too() -> None:
    toml = SENDING + 'actions.bad_signature = "reject"\n'
    actions = judged(BROKEN, toml, record="rs=call=20us")
    assert actions.reports == ()
    assert actions.reply is not None
    assert actions.reply.text.endswith("says: call us")


def test_a_dry_run_sends_nothing_and_shows_what_it_would_send() -> None:
    actions = judged(BROKEN, "dry_run = true\n" + SENDING)
    assert (actions.reports, actions.diagnosis) == ((), None)
    assert actions.withheld is not None
    assert len(actions.withheld.reports) == 1


def test_the_trace_names_the_report() -> None:
    (step,) = steps_about(Topic.REPORTS, judged(BROKEN).trace)
    assert str(step) == (
        "signer.example wants a report of it at errors@signer.example, avowal.toml line 2"
    )


def test_a_body_that_is_too_long_is_not_repeated_in_part() -> None:
    octets = tamper(signed(message(body=b"x" * 70 + b"\r\n" * 140_000 + b"y\r\n")))
    (mail,) = judged(octets).reports
    assert mail.report.value("DKIM-Canonicalized-Body") is None
    assert mail.report.value("DKIM-Canonicalized-Header") is not None


def test_a_header_that_is_too_long_is_not_repeated_in_part() -> None:
    octets = tamper(signed(message(Subject="x " * (64 << 10))))
    (mail,) = judged(octets).reports
    assert mail.report.value("DKIM-Canonicalized-Header") is None


def test_our_report_is_signed_as_mail_of_ours() -> None:
    (mail,) = judged(BROKEN).reports
    report = Message.parse(mail.report.octets(mail.envelope))
    ours = plan('[keys.k]\ndomain = "receiver.example"\nselector = "e"\ninline = "x"\n')
    known = Transaction(received_at=NOW, sender=b"")
    outcome = inspected(ours, known, report.header, [report.body], None, now=NOW)
    (made,) = decide(outcome).record.made
    assert made.domain == "receiver.example"


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        pytest.param('reports.relay = "a b"', "1:1: reports.relay: expected", id="no relay"),
        pytest.param('reports.copy_to = "x"', "1:1: reports.copy_to: expected", id="no address"),
        pytest.param('reports.command = "a \'b"', "1:1: reports.command: no closing", id="a quote"),
        pytest.param('reports.command = "s"\nreports.relay = "h"',
                     "2:1: reports.relay: reports leave by one way", id="two ways out"),
    ],
)  # fmt: skip
def test_a_mistake_in_reports_is_named(toml: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(toml)
    assert str(caught.value).startswith(f"avowal.toml:{told}")


# -- diagnoses -------------------------------------------------------------------------------

NOTING = 'mode = "verify"\nreports.diagnostic_directory = "here"\n'


def test_a_failed_message_with_copies_is_diagnosed() -> None:
    octets = signed(copy_fields=True).replace(b"Subject: Lunch", b"Subject: [x] Lunch")
    diagnosis = judged(octets, NOTING, queue_id="../4X/..").diagnosis
    assert diagnosis is not None
    assert diagnosis.name == f"___4X___.{NOW}"
    assert "    signed:   Lunch\n    received: [x] Lunch\n" in diagnosis.text


@pytest.mark.parametrize(
    ("octets", "toml"),
    [
        pytest.param(signed(copy_fields=True), NOTING, id="a pass"),
        pytest.param(BROKEN, NOTING, id="no copies"),
        pytest.param(tamper(signed(copy_fields=True)), 'mode = "verify"\n', id="not wanted"),
    ],
)
def test_there_is_nothing_to_note(octets: bytes, toml: str) -> None:
    assert judged(octets, toml).diagnosis is None


def test_a_diagnosis_is_bounded() -> None:
    names = [f"x-{number}".encode() for number in range(10)]
    text = b"".join(b"%s: %s\r\n" % (name, b"a" * 2000) for name in names) + message()
    octets = text
    for _ in range(4):
        octets = signed(text, copy_fields=True, names=(b"from", *names))[: -len(text)] + octets
    diagnosis = judged(octets.replace(b": aaa", b": bbb"), NOTING).diagnosis
    assert diagnosis is not None
    assert len(diagnosis.text) == 64 << 10
