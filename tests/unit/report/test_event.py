"""One event per verdict: what it says, what it never says, and how it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

import avowal
from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.dmarc.evaluate import evaluate
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation, Override
from avowal.policy.evidence import SignatureResult
from avowal.report.event import Event, EventKey, EventReason, digest
from avowal.report.verdict_event import MOST_SIGNATURES, disposed, event_of
from avowal.testing import ED25519, Zone, message, record_for

NOW = 1_800_000_000
ZONE = {
    "e._domainkey.signer.example": record_for(ED25519),
    "_dmarc.signer.example": "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@signer.example",
}


def found(octets: bytes, **options: Any) -> Event:
    made = avowal.authenticate(
        octets, resolver=Zone(ZONE), now=NOW, client="192.0.2.1", mail_from="joe@signer.example"
    )
    known = {"time": NOW, "host": "mx.example", "client": "192.0.2.1", "action": "accept"}
    return event_of(made.findings, **{**known, **options})


def signed() -> bytes:
    text = message(**{"from": "joe@signer.example"})
    return avowal.sign(text, domain="signer.example", selector="e", key=ED25519, now=NOW) + text


def test_a_signed_message_is_told_by_its_domains_and_results() -> None:
    key = found(signed()).key
    assert (key.author, key.dmarc, key.disposition) == ("signer.example", "pass", "pass")
    assert key.policy is not None
    assert (key.policy.domain, key.policy.p, key.policy.sp) == (
        "signer.example",
        "reject",
        "quarantine",
    )
    assert [(one.domain, one.selector, one.result) for one in key.dkim] == [
        ("signer.example", "e", "pass")
    ]


def test_a_failing_signature_says_why() -> None:
    (signature,) = found(signed() + b"more\r\n").key.dkim
    assert (signature.result, signature.reason) == ("fail", "body-hash")


def test_no_local_part_and_no_subject_is_in_an_event() -> None:
    octets = msgspec.json.encode(found(signed(), queue_id="4XYZ"))
    assert b"joe" not in octets
    assert b"@" not in octets
    assert b"Subject" not in octets


def test_a_key_is_read_as_it_was_written() -> None:
    key = found(signed()).key
    assert EventKey.of(key.octets()) == key
    assert digest(key.octets()) == digest(EventKey.of(key.octets()).octets())


def test_a_queue_id_of_any_octets_can_be_written() -> None:
    event = found(signed(), queue_id="\udcff\n4X")
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event


def evaluation(record: str, *, aligned: bool = False, override: Policy | None = None) -> Evaluation:
    name = DomainName.parse(b"a.example")
    signatures = [SignatureResult(domain=name, result="pass")] if aligned else []
    authors = Authors.of(Header.parse(b"From: x@a.example\r\n"))
    made = run(evaluate(authors, signatures), Zone({"_dmarc.a.example": record}))
    if override is None:
        return made
    return made.overridden(Override("trusted_forwarder", "arc", override))


LOCAL = EventReason("local_policy", "reject was asked")
REJECT, NOTHING = "v=DMARC1; p=reject", "v=DMARC1; p=none"


@pytest.mark.parametrize(
    ("made", "action", "disposition", "reasons"),
    [
        pytest.param(evaluation(REJECT, aligned=True), "accept", "pass", (), id="pass-enforced"),
        pytest.param(evaluation(NOTHING, aligned=True), "accept", "none", (), id="pass-of-p=none"),
        pytest.param(evaluation(NOTHING), "accept", "none", (), id="p=none"),
        pytest.param(evaluation(REJECT), "reject", "reject", (), id="rejected-as-asked"),
        pytest.param(evaluation(REJECT), "discard", "reject", (), id="discarded-is-rejected"),
        pytest.param(evaluation(REJECT), "quarantine", "quarantine", (LOCAL,), id="milder"),
        pytest.param(evaluation(REJECT), "tag", "none", (LOCAL,), id="only-tagged"),
        pytest.param(evaluation(REJECT), "accept", "none", (LOCAL,), id="not-followed"),
        pytest.param(evaluation(REJECT), None, None, (), id="left-to-others"),
        pytest.param(
            evaluation(NOTHING),
            "reject",
            "reject",
            (EventReason("local_policy", "none was asked"),),
            id="stricter",
        ),
        pytest.param(
            evaluation("v=DMARC1; p=reject; t=y"),
            "quarantine",
            "quarantine",
            (EventReason("policy_test_mode", "t=y"),),
            id="test-mode-followed",
        ),
        pytest.param(
            evaluation(REJECT, override=Policy.NONE),
            "accept",
            "none",
            (EventReason("trusted_forwarder", "arc"),),
            id="a-trusted-chain",
        ),
    ],
)
def test_the_disposition_is_what_was_done_with_its_reasons(
    made: Evaluation, action: str | None, disposition: str | None, reasons: tuple[EventReason, ...]
) -> None:
    assert disposed(made, action) == (disposition, reasons)


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        pytest.param({}, True, id="asked-and-settled"),
        pytest.param({"action": "tempfail"}, False, id="put-off"),
        pytest.param({"action": None}, False, id="left-to-others"),
        pytest.param({"client": None}, False, id="local"),
    ],
)
def test_what_stands_in_reports(options: dict[str, Any], reported: bool) -> None:
    assert found(signed(), **options).key.is_reported is reported


def test_a_long_comment_is_cut() -> None:
    made = evaluation(REJECT).overridden(Override("other", "x" * 10_000))
    _, (reason,) = disposed(made, "reject")
    assert len(reason.comment) == 500


def test_of_too_many_signatures_the_aligned_ones_are_kept() -> None:
    made = avowal.authenticate(signed(), resolver=Zone(ZONE), now=NOW).findings
    assert made.policies is not None
    (one,) = made.policies.signatures
    other = replace(one, domain=DomainName.parse(b"other.example"), result="fail")
    many = replace(made, policies=replace(made.policies, signatures=(*[other] * 150, one)))
    dkim = event_of(many, time=NOW, host="mx").key.dkim
    assert len(dkim) == MOST_SIGNATURES
    assert dkim[0].domain == "signer.example"
