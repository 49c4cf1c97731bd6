"""The domainkeys-verify cases (RFC 4870): decoded and checked behind the archive rules only."""

from __future__ import annotations

import pytest
from tests.conformance.cases import Case, decisions, params, undecided, zone_of

from avowal import Rules, Verification, verify
from avowal.dkim.rules import ARCHIVE

KIND = "domainkeys-verify"
NOW = 1_760_000_000


def verdicts(case: Case, rules: Rules) -> tuple[Verification, ...]:
    return verify(case.octets, zone_of(case), now=case.now or NOW, rules=rules)


@pytest.mark.parametrize("case", params(KIND))
def test_the_archive_rules_say_what_the_list_says(case: Case) -> None:
    said = ", ".join(str(verdict.result) for verdict in verdicts(case, ARCHIVE))
    assert said == decisions(KIND)[case.id]


@pytest.mark.parametrize("case", params(KIND))
def test_domainkeys_are_no_dkim_signatures(case: Case) -> None:
    assert [str(v.result) for v in verdicts(case, Rules())] == case.expect["dkim_signatures"]


@pytest.mark.parametrize("case", params(KIND))
def test_domainkeys_alone_never_authenticate(case: Case) -> None:
    read_only = ARCHIVE.but(accept_drafts=False)
    assert [v for v in verdicts(case, read_only) if v.passed] == []


def test_the_list_of_judgements_is_complete_and_names_real_cases() -> None:
    assert undecided(KIND) == []
