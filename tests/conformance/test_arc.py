"""Every arc-verify and arc-sign case."""

from __future__ import annotations

import pytest
from tests.conformance.cases import Case, decisions, params, undecided, zone_of

from avowal.arc.verdict import ChainVerification
from avowal.arc.verifier import ArcVerifier
from avowal.lookup import run
from avowal.message import Message

VERIFY = "arc-verify"
DECIDED = decisions(VERIFY)


def verdict(case: Case) -> ChainVerification:
    """What we say about the chain of a case."""
    message = Message.parse(case.octets)
    verifier = ArcVerifier(message.header, now=case.now)
    keys = run(verifier.keys(), zone_of(case))
    verifier.feed(message.body)
    return verifier.finish(keys)


@pytest.mark.parametrize("case", params(VERIFY))
def test_a_chain_gets_the_status_the_case_or_our_judgement_asks_for(case: Case) -> None:
    said = verdict(case)
    if case.id in DECIDED:
        assert str(said.status) == DECIDED[case.id]
        return
    assert case.judgement is None
    accepted = case.expect.get("accept", [case.expect["arc"]])
    assert str(said.status) in accepted, said.explanation


def test_every_judgement_is_decided() -> None:
    assert undecided(VERIFY) == []
