"""One examination: all mechanisms over one message, typed findings, one body pass."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from tests.unit.arc.arcs import ZONE as CHAINS
from tests.unit.arc.arcs import chain_of

import avowal
from avowal import Limits, Reason
from avowal.agenda import Agenda, Rank
from avowal.calls.examine import aexamine, examine
from avowal.errors import StateError
from avowal.examine.examination import Examination
from avowal.examine.findings import Findings, Receiver, Want
from avowal.lookup import Failure
from avowal.message import Message
from avowal.policy.spf import SpfRequest
from avowal.testing import ED25519, Zone, message, record_for

NOW = 1_800_000_000
ZONE = Zone(
    {
        "a._domainkey.example.com": record_for(ED25519),
        "_dmarc.example.com": "v=DMARC1; p=reject",
        "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"], "A": ["192.0.2.1"]},
    }
)
SIGNED = (
    avowal.sign(message(), domain="example.com", selector="a", key=ED25519, now=NOW) + message()
)
ALL = Want.DKIM | Want.ARC | Want.POLICIES
CLIENT = SpfRequest(client=ip_address("192.0.2.1"), mail_from=b"b@example.com")


def found(octets: bytes = SIGNED, want: Want = ALL, **options: Any) -> Findings:
    read = Message.parse(octets)
    receiver = Receiver(rules=options.pop("rules", avowal.Rules()))
    return examine(read.header, [read.body], receiver, want, ZONE, now=NOW, **options)


def dmarc(findings: Findings) -> str:
    assert findings.policies is not None
    assert findings.policies.dmarc is not None
    return str(findings.policies.dmarc.result)


def test_every_mechanism_finds_something_of_its_own() -> None:
    findings = found(envelope=CLIENT)
    assert [str(one.result) for one in findings.dkim] == ["pass"]
    assert findings.arc is not None
    assert str(findings.arc.status) == "none"
    assert str(findings.spf and findings.spf.word) == "pass"
    assert dmarc(findings) == "pass"


@pytest.mark.parametrize(
    ("want", "absent"),
    [
        pytest.param(Want.DKIM, ("arc", "policies", "spf", "authors"), id="dkim-alone"),
        pytest.param(Want.ARC, ("policies", "spf", "authors"), id="arc-alone"),
        pytest.param(Want.POLICIES, ("arc", "spf"), id="policies-alone"),
    ],
)
def test_what_is_not_wanted_is_none(want: Want, absent: tuple[str, ...]) -> None:
    findings = found(want=want)
    assert [getattr(findings, name) for name in absent] == [None] * len(absent)


def test_the_keys_of_a_chain_and_those_of_domainkeys_have_limits_of_their_own() -> None:
    """A flood of the one kind takes no question from the other."""
    octets = b"".join(
        b"DomainKey-Signature: a=rsa-sha1; c=simple; d=example.com; s=k%d; b=aaaa\r\n" % number
        for number in range(15)
    ) + chain_of(2)
    receiver = Receiver(limits=Limits(arc_key_names=2, dns_questions=15))
    read = Message.parse(octets)
    findings = examine(
        read.header, [read.body], receiver, Want.ARC | Want.DOMAINKEYS, CHAINS, now=NOW
    )
    assert findings.arc is not None
    assert findings.arc.message_signatures[0].passed
    assert {one.reason for one in findings.domainkeys} == {Reason.NO_KEY}


async def test_without_blocking_the_findings_are_the_same() -> None:
    read = Message.parse(SIGNED)
    waited = await aexamine(
        read.header, [read.body], Receiver(), ALL, ZONE, now=NOW, envelope=CLIENT
    )
    at_once = found(envelope=CLIENT)
    assert (waited.dkim, waited.spf, waited.policies) == (
        at_once.dkim, at_once.spf, at_once.policies,
    )  # fmt: skip


def test_the_site_s_own_rules_come_before_the_policies() -> None:
    findings = found(rules=avowal.Rules(accept_unprotected_key=False))
    assert [str(one.reason) for one in findings.dkim] == ["key-unprotected"]
    assert dmarc(findings) == "fail"


def test_a_closed_agenda_leaves_temporary_errors() -> None:
    read = Message.parse(SIGNED)
    agenda = Agenda()
    examination = Examination(read.header, Receiver(), ALL, now=NOW, agenda=agenda, envelope=CLIENT)
    agenda.close(Failure.DEADLINE)
    examination.feed(read.body)
    findings = agenda.add(examination.finish(), Rank.POLICY).value
    assert [str(one.result) for one in findings.dkim] == ["temperror"]
    assert findings.spf is not None
    assert str(findings.spf.word) == "temperror"
    assert dmarc(findings) == "temperror"


def test_the_answers_are_kept_for_who_looks_again() -> None:
    names = {question.name for question in found().answers}
    assert {"a._domainkey.example.com", "_dmarc.example.com"} <= names


def test_an_examination_ends_once() -> None:
    agenda = Agenda()
    examination = Examination(
        Message.parse(SIGNED).header, Receiver(), Want(0), now=NOW, agenda=agenda
    )
    agenda.add(examination.finish(), Rank.REST)
    with pytest.raises(StateError):
        examination.feed(b"more")


def test_a_body_nobody_hashes_is_not_wanted() -> None:
    agenda = Agenda()
    header = Message.parse(message()).header
    examination = Examination(header, Receiver(), ALL, now=NOW, agenda=agenda)
    assert not examination.wants_body
