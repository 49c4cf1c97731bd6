"""Every arc-verify and arc-sign case.

What a seal signs depends on the layout of the set, so the signing cases are compared in the
layout of their suite: one line, tags in the order of the alphabet.
"""

from __future__ import annotations

import pytest
from tests.conformance.cases import Case, decisions, params, undecided, zone_of

from avowal.arc.chain import Chain
from avowal.arc.layout import Alphabetical
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.arc.sealer import Sealer
from avowal.arc.verdict import ChainVerification
from avowal.arc.verifier import ArcVerifier
from avowal.authres import read
from avowal.crypto.signing import parse_private_key
from avowal.dkim.intent import Intent
from avowal.lookup import run
from avowal.message import Message
from avowal.taglist import TagList, without_fws
from avowal.testing import Zone, record_for

VERIFY, SIGN = "arc-verify", "arc-sign"
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


def sealed(case: Case) -> dict[str, bytes]:
    """The set we add to the message of a case: AS, AMS, AAR.

    The status is the one that its Authentication-Results give, as the suite wants it.
    """
    options = case.options
    message = Message.parse(case.octets)
    results = read(message, trusted={options["authserv_id"]}).combined(options["authserv_id"])
    status = ChainStatus(results.named("arc")[0].result)
    chain = Chain.of(message.header)
    verification = ChainVerification(
        chain=chain,
        status=status,
        reason=ChainReason.SEAL if status is ChainStatus.FAIL else None,
    )
    names = options.get("headers", "message-id:date:from:to:subject")
    intent = Intent(
        domain=options["domain"],
        selector=options["selector"],
        key=parse_private_key(options["private_key_pem"].encode()),
        names=tuple(names.encode().split(b":")),
        oversigned=frozenset(),
    )
    sealer = Sealer(
        message.header,
        intent,
        verification,
        results,
        now=options["t"],
        mark_failed=True,
        layout=Alphabetical(),
    )
    sealer.feed(message.body)
    return dict(zip(("AS", "AMS", "AAR"), (f.value for f in sealer.finish()), strict=True))


def tags(value: bytes) -> dict[str, bytes]:
    """A tag list without order and white space."""
    return {tag.name: without_fws(tag.value) for tag in TagList.parse(value)}


def expected(case: Case) -> dict[str, bytes]:
    """The set a case wants, folded as a header."""
    written = case.expect
    if "headers" in written:
        written = dict(zip(("AS", "AMS", "AAR"), written["headers"], strict=True))
    found = {}
    for name in ("AS", "AMS", "AAR"):
        text = written[name].replace("\r\n", "\n").rstrip("\n").replace("\n", "\r\n ")
        found[name] = text.encode()
    return found


@pytest.mark.parametrize("case", params(SIGN))
def test_a_set_is_the_one_the_case_or_our_judgement_asks_for(case: Case) -> None:
    ours, theirs = sealed(case), expected(case)
    if case.id in decisions(SIGN):  # another layout: what counts is that ours verifies
        assert str(verdict_on(ours, case).status) == decisions(SIGN)[case.id]
        return
    assert case.judgement is None
    assert tags(ours["AMS"]) == tags(theirs["AMS"])
    assert b" ".join(ours["AAR"].split()) == b" ".join(theirs["AAR"].split())
    assert tags(ours["AS"]) == tags(theirs["AS"])


def verdict_on(values: dict[str, bytes], case: Case) -> ChainVerification:
    """What we say about the message of a case below the set that we made."""
    names = {"AS": "ARC-Seal", "AMS": "ARC-Message-Signature", "AAR": "ARC-Authentication-Results"}
    top = b"".join(names[short].encode() + b":" + values[short] + b"\r\n" for short in names)
    message = Message.parse(top + case.octets)
    verifier = ArcVerifier(message.header, now=case.options["t"])
    record = record_for(parse_private_key(case.options["private_key_pem"].encode()))
    where = f"{case.options['selector']}._domainkey.{case.options['domain']}"
    keys = run(verifier.keys(), Zone({where: record}))
    verifier.feed(message.body)
    return verifier.finish(keys)


@pytest.mark.parametrize("kind", [VERIFY, SIGN])
def test_every_judgement_is_decided(kind: str) -> None:
    assert undecided(kind) == []
