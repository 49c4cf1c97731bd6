"""The sending domain's policy of DomainKeys (RFC 4870 §3.6)."""

from __future__ import annotations

import pytest
from tests.evidence import Counting, by, signed

from avowal.lookup import Question, run
from avowal.message import Header
from avowal.policy import domainkeys
from avowal.policy.practices import Standing
from avowal.testing import Zone

AT = "_domainkey.example.com"
JOE = by("joe@example.com")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param("o=-", Standing.SUSPICIOUS, id="signs-all"),
        pytest.param("o=~", Standing.NEUTRAL, id="signs-some"),
        pytest.param("t=y; o=-; n=notes; r=a@example.com", Standing.NEUTRAL, id="testing"),
        pytest.param("o=!", Standing.NEUTRAL, id="symbol-of-another-era"),
        pytest.param("NXDOMAIN", Standing.NEUTRAL, id="no-record"),
        pytest.param("SERVFAIL", Standing.TEMPERROR, id="no-answer"),
    ],
)
def test_the_policy_decides_over_unsigned_mail(record: object, expected: Standing) -> None:
    assert run(domainkeys.evaluate(JOE), Zone({AT: record})).standing is expected


def test_verified_mail_needs_no_question() -> None:
    counting = Counting(Zone({AT: "o=-"}))
    found = run(domainkeys.evaluate(JOE, [signed("example.com")]), counting)
    assert (found.standing, counting.rounds) == (Standing.ACCEPT, [])


def test_a_parent_domain_may_sign() -> None:
    flow = domainkeys.evaluate(by("joe@sub.example.com"), [signed("example.com")])
    assert run(flow, Zone({})).standing is Standing.ACCEPT


def test_sender_is_asked_before_from() -> None:
    header = Header.parse(b"From: a@from.example\r\nSender: b@sender.example\r\n")
    counting = Counting(Zone({}))
    run(domainkeys.evaluate(domainkeys.senders(header)), counting)
    assert counting.questions == [Question("_domainkey.sender.example")]
