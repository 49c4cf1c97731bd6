"""Every authres-parse case: a field in, its authserv-id and results out.

A case without `judgement` is hard; the others stand in docs/conformance-judgements.md.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.cases import Case, decisions, params, undecided

from avowal.authres import AuthenticationResults, MethodResult, PayloadFault, parse
from avowal.message import Field

KIND = "authres-parse"
DECIDED = decisions(KIND)


def parsed(case: Case) -> AuthenticationResults | None:
    """What we read; None for a field that does not fit the grammar."""
    try:
        return parse(Field.of(case.octets).value)
    except PayloadFault:
        return None


def words(read: AuthenticationResults | None) -> str:
    """The same in one line."""
    if read is None:
        return "error"
    return ", ".join(f"{result.method}={result.result}" for result in read.results) or "none"


def differences(result: MethodResult, expected: dict[str, Any]) -> list[str]:
    """What a case says about a result that we do not."""
    said: dict[str, Any] = {
        "method": result.method,
        "result": result.result,
        "reason": result.reason,
    }
    found = [name for name in said if name in expected and said[name] != expected[name]]
    for name, value in expected.get("properties", {}).items():
        if result.value(name) != value:
            found.append(name)
    return found


@pytest.mark.parametrize("case", params(KIND))
def test_a_field_reads_as_the_case_or_our_judgement_asks_for(case: Case) -> None:
    read = parsed(case)
    if case.id in DECIDED:
        assert words(read) == DECIDED[case.id]
        return
    assert case.judgement is None
    assert (read is None) == case.expect["error"]
    if read is None:
        return
    if case.expect["authserv_id"] is not None:
        assert read.authserv_id == case.expect["authserv_id"]
    for place, expected in enumerate(case.expect["results"]):
        result = read.results[expected.get("index", place)]
        assert differences(result, expected) == []


def test_every_judgement_is_decided() -> None:
    assert undecided(KIND) == []
