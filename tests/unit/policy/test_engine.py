"""All generations at once: verdicts, the combined disposition, rounds, the laws."""

from __future__ import annotations

import itertools
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence import Counting, name, rounds, sent, signed

from avowal.dkim.verifier import Verifier
from avowal.lookup import Answer, Failure, Question, run, together
from avowal.message import Header
from avowal.overflow import Beyond
from avowal.policy import spf
from avowal.policy.assessment import (
    Assessment,
    Choice,
    Handling,
    PolicyDisposition,
    PolicyGeneration,
)
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.engine import Engine
from avowal.policy.evidence import SignatureResult, candidates
from avowal.policy.practices import Standing
from avowal.testing import Zone

ALL = tuple(PolicyGeneration)
DMARC_RULES = DmarcRules(suffixes=public_suffix_list(["com", "example"]))
EVERYTHING = Choice(
    generations=ALL,
    handling=Handling.FULL,
    atps=True,
    certifiers=(name("v.example"),),
    dmarc=DMARC_RULES,
)
FROM = Header.parse(b"From: Joe <joe@example.com>\r\n")
STRICT: dict[str, Any] = {
    "example.com": {"MX": ["10 mx.example.com"], "TXT": ["v=spf1 -all"]},
    "_domainkey.example.com": "o=-",
    "_policy._domainkey.example.com": "o=!",
    "_ssp._domainkey.example.com": "dkim=strict",
    "_adsp._domainkey.example.com": "dkim=discardable",
    "_dmarc.example.com": "v=DMARC1; p=reject",
}
THIRD = signed("t.example", atps=name("example.com"), atpsh="none")


def assessed(
    choice: Choice, zone: dict[str, Any], *signatures: SignatureResult, envelope: Any = None
) -> Assessment:
    engine = Engine(FROM, choice)
    return run(engine.evaluate(signatures, envelope), Zone(zone))


def words(assessment: Assessment) -> dict[str, str]:
    return {verdict.generation.value: verdict.word for verdict in assessment.verdicts}


def test_unsigned_mail_of_a_strict_domain_under_every_generation() -> None:
    found = assessed(EVERYTHING, STRICT)
    assert words(found) == {
        "domainkeys": "suspicious",
        "2005": "suspicious",
        "2007": "suspicious",
        "adsp": "discard",
        "2015": "fail",
        "2026": "fail",
    }
    assert (found.disposition, found.decided_by) == (
        PolicyDisposition.DISCARD,
        PolicyGeneration.ADSP,
    )


def test_signed_mail_of_a_strict_domain_under_every_generation() -> None:
    found = assessed(replace(EVERYTHING, generations=ALL[1:]), STRICT, signed("example.com"))
    assert set(words(found).values()) == {"accept", "pass"}
    assert (found.disposition, found.decided_by) == (PolicyDisposition.ACCEPT, None)


def test_where_the_header_is_not_whole_a_policy_applies_as_if_nothing_passed() -> None:
    beyond = Beyond(limit="header_fields", fields=6000, counts={})
    engine = Engine(Header.of(FROM, beyond=beyond), replace(EVERYTHING, generations=ALL[1:]))
    passed = [signed("example.com")], sent("example.com")
    engine_said = run(engine.evaluate(*passed), Zone(STRICT))
    assert words(engine_said) == words(assessed(engine.choice, STRICT))
    assert (engine_said.signatures, engine_said.envelope) == ((), None)
    assert "limits.header_fields" in str(engine_said.trace[0])


def test_a_third_party_is_the_author_for_adsp_when_the_author_says_so() -> None:
    zone = STRICT | {"t.example._atps.example.com": "v=ATPS1"}
    found = assessed(EVERYTHING, zone, THIRD)
    assert found.atps is not None
    assert (found.atps.result.value, words(found)["adsp"]) == ("pass", "pass")


@pytest.mark.parametrize(
    ("handling", "expected"),
    [
        pytest.param(Handling.REPORT, PolicyDisposition.ACCEPT, id="report-changes-nothing"),
        pytest.param(
            Handling.CAUTIOUS, PolicyDisposition.QUARANTINE, id="reject-alone-rejects-nothing"
        ),
        pytest.param(Handling.FULL, PolicyDisposition.REJECT, id="as-asked"),
    ],
)
def test_the_receiver_says_how_far_it_follows(
    handling: Handling, expected: PolicyDisposition
) -> None:
    found = assessed(Choice(handling=handling), STRICT)
    assert (found.disposition, found.decided_by) == (expected, PolicyGeneration.DMARC_2026)


def test_only_deciding_generations_have_a_say() -> None:
    choice = replace(EVERYTHING, deciding=(PolicyGeneration.SSP_2005,))
    found = assessed(choice, STRICT)
    assert (found.disposition, found.decided_by) == (
        PolicyDisposition.QUARANTINE,
        PolicyGeneration.SSP_2005,
    )


@pytest.mark.parametrize(("tempfail", "word"), [(True, "tempfail"), (False, "accept")])
def test_the_receiver_says_what_temperror_means(tempfail: bool, word: str) -> None:
    choice = Choice(handling=Handling.FULL, tempfail=tempfail)
    found = assessed(choice, {"_dmarc.example.com": "SERVFAIL"})
    assert (found.disposition.value, words(found)) == (word, {"2026": "temperror"})


def test_p_none_is_no_suspicion() -> None:
    found = assessed(Choice(handling=Handling.FULL), {"_dmarc.example.com": "v=DMARC1; p=none"})
    assert (found.verdicts[0].word, found.verdicts[0].standing) == ("fail", Standing.NEUTRAL)


def test_older_generations_are_never_asked_for_by_default() -> None:
    counting = Counting(Zone(STRICT))
    run(Engine(FROM, Choice()).evaluate(), counting)
    assert {question.name.partition(".")[0] for question in counting.questions} == {"_dmarc"}


def test_both_dmarc_generations_side_by_side_tell_their_differences() -> None:
    choice = replace(
        EVERYTHING, generations=(PolicyGeneration.DMARC_2015, PolicyGeneration.DMARC_2026)
    )
    engine = Engine(Header.parse(b"From: a@s.example.com\r\n"), choice)
    zone = Zone({"_dmarc.s.example.com": "v=DMARC1; p=reject"})
    found = run(engine.evaluate([signed("example.com")]), zone)
    assert words(found) == {"2015": "pass", "2026": "fail"}
    assert found.differences


def test_every_checked_signature_is_kept() -> None:
    broken = signed("b.example", "fail", selector=name("s1"))
    found = assessed(Choice(), STRICT, signed("a.example"), broken)
    assert found.signatures[1].selector is not None
    assert [s.domain.ascii for s in found.signatures] == ["a.example", "b.example"]


# -- rounds --------------------------------------------------------------------------------

SIGNED = Header.parse(
    b"DKIM-Signature: v=1; a=rsa-sha256; d=mail.example.com; s=s; h=from; bh=YQ==; b=YQ==\r\n"
    b"From: joe@mail.example.com\r\n"
)
RECORDS: dict[str, Any] = {
    "s._domainkey.mail.example.com": "v=DKIM1; p=YQ==",
    "mail.example.com": {"TXT": ["v=spf1 include:_spf.example.com -all"], "A": ["192.0.2.1"]},
    "_spf.example.com": "v=spf1 a:relay.example.com -all",
    "relay.example.com": {"A": ["192.0.2.2"]},
    "_dmarc.example.com": "v=DMARC1; p=none; np=reject",
}


def test_dkim_spf_and_dmarc_take_no_more_rounds_than_the_longest_of_them() -> None:
    zone = Zone(RECORDS)
    request = spf.SpfRequest(client=ip_address("192.0.2.9"), mail_from=b"joe@mail.example.com")
    found = candidates(SIGNED)
    assert [signature.domain.ascii for signature in found] == ["mail.example.com"]

    def dkim() -> Any:
        return Verifier(SIGNED, now=0).keys()

    def sender() -> Any:
        return spf.check_identity(request)

    def policy() -> Any:
        engine = Engine(SIGNED, Choice())
        names = [*(one.domain for one in found), name("mail.example.com")]
        return together(*engine.policies(), *engine.organizations(names))

    longest = max(rounds(flow(), zone) for flow in (dkim, sender, policy))
    assert rounds(together(dkim(), sender(), policy()), zone) == longest == 3


def test_what_was_asked_early_is_not_asked_again() -> None:
    zone = Zone(RECORDS | STRICT)
    choice = replace(EVERYTHING, generations=ALL[1:], atps=False, certifiers=())
    engine = Engine(SIGNED, choice)
    names = [name("example.com"), THIRD.domain, name("bounce.example.com")]
    run(together(*engine.policies(), *engine.organizations(names)), zone)
    signatures = [signed("example.com", "fail"), THIRD]
    envelope = sent("bounce.example.com")
    silent = Counting(zone)
    concluded = run(engine.evaluate(signatures, envelope), silent)
    fresh = run(Engine(SIGNED, choice).evaluate(signatures, envelope), zone)
    assert silent.rounds == []
    assert words(concluded) == words(fresh)


# -- a failure at each question --------------------------------------------------------------


def asked_by(generation: PolicyGeneration) -> list[Question]:
    counting = Counting(Zone(LENIENT))
    run(Engine(SUBDOMAIN, only(generation)).evaluate(), counting)
    return list(dict.fromkeys(counting.questions))


SUBDOMAIN = Header.parse(b"From: joe@a.example.com\r\n")
LENIENT: dict[str, Any] = {
    "a.example.com": {"A": ["192.0.2.1"]},
    "_policy._domainkey.example.com": "o=~",
    "_ssp._domainkey.example.com": "dkim=unknown",
    "_adsp._domainkey.a.example.com": "dkim=unknown",
    "_domainkey.a.example.com": "o=~",
    "_dmarc.example.com": "v=DMARC1; p=none; np=reject; adkim=r",
}


def only(generation: PolicyGeneration) -> Choice:
    return replace(EVERYTHING, generations=(generation,), atps=False, certifiers=())


# One answer that the name exists settles it for DMARC: the other types do not matter.
SETTLED = {Question("a.example.com", "AAAA"), Question("a.example.com", "MX")}
FAILURES = [
    pytest.param(generation, question, id=f"{generation}-{question.name}-{question.type}")
    for generation in ALL
    for question in asked_by(generation)
    if generation is not PolicyGeneration.DMARC_2026 or question not in SETTLED
]


@pytest.mark.parametrize(("generation", "question"), FAILURES)
def test_a_failure_at_any_question_is_temperror(
    generation: PolicyGeneration, question: Question
) -> None:
    counting = Counting(Zone(LENIENT), fails=(question,))
    found = run(Engine(SUBDOMAIN, only(generation)).evaluate([signed("evil.example")]), counting)
    assert found.verdicts[0].standing is Standing.TEMPERROR


# -- laws ------------------------------------------------------------------------------------

NAMES = ("example.com", "a.example.com", "evil.example", "t.example", "com")
SIGNATURES = st.builds(
    signed,
    st.sampled_from(NAMES),
    st.sampled_from(("pass", "fail", "temperror", "permerror", "policy")),
)
RECORDED = st.fixed_dictionaries(
    {},
    optional={
        "example.com": st.sampled_from([{"A": ["192.0.2.1"]}, "NXDOMAIN", "SERVFAIL"]),
        "_domainkey.example.com": st.sampled_from(["o=-", "o=~", "o=-; t=y", "TIMEOUT"]),
        "_policy._domainkey.example.com": st.sampled_from(
            ["o=-", "o=!", "o=.", "o=?", "o=^", "o=!; t=y", "", "SERVFAIL"]
        ),
        "_ssp._domainkey.example.com": st.sampled_from(
            ["dkim=all", "dkim=strict", "dkim=strict; t=y", "TIMEOUT"]
        ),
        "_adsp._domainkey.example.com": st.sampled_from(
            ["dkim=all", "dkim=discardable", "dkim=unknown", "SERVFAIL"]
        ),
        "_dmarc.example.com": st.sampled_from(
            [
                "v=DMARC1; p=reject",
                "v=DMARC1; p=quarantine; adkim=s",
                "v=DMARC1; p=reject; t=y",
                "v=DMARC1; p=none; psd=y",
                "TIMEOUT",
            ]
        ),
        "_dmarc.com": st.sampled_from(["v=DMARC1; p=reject; psd=y", "SERVFAIL"]),
    },
)


@given(RECORDED, st.lists(SIGNATURES, max_size=3))
def test_a_further_passing_aligned_signature_never_worsens_a_verdict(
    zone: dict[str, Any], signatures: list[SignatureResult]
) -> None:
    choice = replace(EVERYTHING, generations=ALL[1:])
    before = assessed(choice, zone, *signatures)
    after = assessed(choice, zone, *signatures, signed("example.com"))
    for old, new in zip(before.verdicts, after.verdicts, strict=True):
        assert new.standing.severity <= old.standing.severity
        assert new.asks.severity <= old.asks.severity
    assert after.disposition.severity <= before.disposition.severity


@given(RECORDED, st.lists(SIGNATURES, max_size=3))
def test_a_testing_domain_never_causes_a_negative_action(
    zone: dict[str, Any], signatures: list[SignatureResult]
) -> None:
    old = {key: value for key, value in zone.items() if "_domainkey." in key}
    testing = {
        key: value if value in {"SERVFAIL", "TIMEOUT"} else f"{value}; t=y".removeprefix("; ")
        for key, value in old.items()
        if "_adsp" not in key  # RFC 5617 has no t=
    }
    generations = (
        PolicyGeneration.DOMAINKEYS,
        PolicyGeneration.SSP_2005,
        PolicyGeneration.SSP_2007,
    )
    testing["example.com"] = {"A": ["192.0.2.1"]}  # step 3 of 2007 asks for existence
    found = assessed(replace(EVERYTHING, generations=generations), testing, *signatures)
    assert all(verdict.asks is PolicyDisposition.ACCEPT for verdict in found.verdicts)


@pytest.mark.parametrize("policy", ["none", "quarantine", "reject"])
def test_t_y_asks_for_one_level_less_in_dmarc(policy: str) -> None:
    found = assessed(
        Choice(handling=Handling.FULL), {"_dmarc.example.com": f"v=DMARC1; p={policy}; t=y"}
    )
    expected = {"none": "accept", "quarantine": "accept", "reject": "quarantine"}
    assert found.disposition.value == expected[policy]


class Anything:
    """Answers every question with what hypothesis made up."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = itertools.cycle(answers)

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return tuple(next(self._answers) for _ in questions)


PIECES = st.sampled_from(
    [b"v=DMARC1", b"; ", b"p=", b"reject", b"o=", b"^", b"dkim=", b"all", b"t=y", b"psd=y", b"\x00"]
)
RECORD = st.one_of(st.binary(max_size=40), st.lists(PIECES, max_size=8).map(b"".join))
ANSWERS = st.one_of(
    st.builds(lambda records: Answer.found(*records), st.lists(RECORD, max_size=3)),
    st.sampled_from([Answer.failed(failure) for failure in Failure]),
)


@given(st.binary(max_size=200), st.lists(ANSWERS, min_size=1, max_size=6), st.lists(SIGNATURES))
def test_evaluation_raises_nothing_for_any_octets_and_answers(
    value: bytes, answers: list[Answer], signatures: list[SignatureResult]
) -> None:
    header = Header.of(Header.parse(b"From: %s\r\nVBR-Info: %s\r\n" % (value, value)))
    run(Engine(header, EVERYTHING).evaluate(signatures, sent("a.example.com")), Anything(answers))
