"""Every dkim-verify case: message, DNS, time and options in, RFC 8601 words out.

A case without `judgement` is hard: it must hold.  A case with one, and the few hard ones
whose expectation contradicts a MUST, stand in docs/conformance-judgements.md with our
verdict and the clause that decides.  What RFC 8301 forbids passes with the options of the
case only.
"""

from __future__ import annotations

import pytest
from tests.conformance.cases import Case, decisions, params, undecided, zone_of

from avowal import Limits, Rules, Verification, verify
from avowal.dkim.rules import TLSRPT

KIND = "dkim-verify"
ANY_TIME = 1_760_000_000  # for cases that name none: later than every signature of the data
DECIDED = decisions(KIND)
FORBIDDEN = {"sha1", "rsa512", "rsa768"}  # RFC 8301 §3.1, §3.2


def rules_of(case: Case) -> Rules:
    """The rules a case's options stand for."""
    options = case.options
    rules = Rules()
    if options.get("tlsrpt"):
        rules = TLSRPT.but(require_service=options["tlsrpt"] == "strict")
    return rules.but(
        min_rsa_bits=options.get("min_rsa_bits", rules.min_rsa_bits),
        accept_historic=bool(options.get("allow_sha1")),
        accept_drafts=bool(options.get("allow_draft_signatures")),
        honor_granularity=bool(options.get("granularity_g")),
    )


def verdicts(case: Case, rules: Rules) -> tuple[Verification, ...]:
    """What we say about each signature, top to bottom."""
    limits = Limits(signatures_checked=case.options.get("max_signatures", 50))
    now = ANY_TIME if case.now is None else case.now
    return verify(case.octets, zone_of(case), now=now, rules=rules, limits=limits)


def words(case: Case, rules: Rules) -> list[str]:
    """The same in the words of RFC 8601."""
    return [str(verdict.result) for verdict in verdicts(case, rules)]


@pytest.mark.parametrize("case", params(KIND))
def test_each_signature_gets_the_word_the_case_or_our_judgement_asks_for(case: Case) -> None:
    said = words(case, rules_of(case))
    if case.id in DECIDED:
        assert ", ".join(said) == DECIDED[case.id]
        return
    assert case.judgement is None
    accepted = case.expect["accept"]
    assert len(said) == len(accepted)
    assert [w for w, good in zip(said, accepted, strict=True) if good and w not in good] == []
    if case.expect["any_pass"] is not None:
        assert ("pass" in said) == case.expect["any_pass"]


@pytest.mark.parametrize(
    "case",
    [p for p in params(KIND) if p.values[0] is None or FORBIDDEN & {*(p.values[0].legacy or ())}],
)
def test_what_rfc_8301_forbids_passes_with_its_options_only(case: Case) -> None:
    passing = [v for v in verdicts(case, Rules(accept_drafts=True)) if v.passed]
    assert [v.algorithm for v in passing if v.algorithm == "rsa-sha1"] == []
    assert [v.evidence for v in passing if v.evidence and (v.evidence.key_bits or 0) < 1024] == []


@pytest.mark.parametrize(
    "case", [p for p in params(KIND) if p.values[0] is None or "l_verify" in p.id]
)
def test_a_tail_behind_the_signed_length_passes_where_the_rules_accept_it(case: Case) -> None:
    rules = rules_of(case)
    assert "pass" not in words(case, rules)
    if not rules.ignore_body_length:  # RFC 8460 §3: reports about TLS know no l=
        assert words(case, rules.but(accept_unsigned_content=True)) == ["pass"]


def test_the_list_of_judgements_is_complete_and_names_real_cases() -> None:
    assert undecided(KIND) == []
