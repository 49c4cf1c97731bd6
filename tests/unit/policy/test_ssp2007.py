"""The Sender Signing Practices of 2007, step by step."""

from __future__ import annotations

import pytest
from tests.evidence import Counting, by, signed

from avowal.lookup import Question, run
from avowal.policy import ssp2007
from avowal.policy.practices import Standing
from avowal.testing import Zone

AT = "_ssp._domainkey.example.com"
SUB = "_ssp._domainkey.sub.example.com"
A, N, S = Standing.ACCEPT, Standing.NEUTRAL, Standing.SUSPICIOUS
FIRST, THIRD = signed("example.com"), signed("list.example")


@pytest.mark.parametrize(
    ("record", "signature", "expected"),
    [
        pytest.param("dkim=unknown", None, N, id="step-8-unknown"),
        pytest.param("dkim=all", None, S, id="step-10-all"),
        pytest.param("dkim=all", THIRD, N, id="step-9-all-and-third-party"),
        pytest.param("dkim=strict", THIRD, S, id="strict-takes-first-parties-only"),
        pytest.param("dkim=strict", FIRST, A, id="step-1-first-party"),
        pytest.param("dkim=discardable", THIRD, S, id="discardable"),
        pytest.param("dkim=all; t=y", None, N, id="step-7-testing"),
        pytest.param("dkim=strict; t=s:y", None, N, id="testing-among-flags"),
        pytest.param("dkim=all; t=s", None, S, id="s-means-nothing-at-its-own-name"),
        pytest.param("dkim=never", None, N, id="unknown-word"),
        pytest.param("dkim=all; handling=deny", None, S, id="handling-is-a-preference"),
        pytest.param(["dkim=all", "dkim=all"], None, N, id="two-records"),
        pytest.param(["v=spf1 -all", "dkim=all"], None, S, id="foreign-record-beside"),
        pytest.param("dkim=all", signed("example.com", "fail"), S, id="broken-is-none"),
    ],
)
def test_the_record_decides_by_who_signed(
    record: object, signature: object, expected: Standing
) -> None:
    signatures = () if signature is None else (signature,)
    flow = ssp2007.evaluate(by("joe@example.com"), signatures)
    assert run(flow, Zone({AT: record})).standing is expected


@pytest.mark.parametrize(
    ("zone", "author", "expected"),
    [
        pytest.param({}, "joe@example.com", S, id="step-3-no-such-domain"),
        pytest.param({"example.com": {"MX": ["10 mx"]}}, "joe@example.com", N, id="no-record"),
        pytest.param(
            {AT: "dkim=all", "sub.example.com": {"A": ["192.0.2.1"]}},
            "joe@sub.example.com",
            S,
            id="step-5-the-parent",
        ),
        pytest.param(
            {AT: "dkim=all; t=s", "sub.example.com": {"A": ["192.0.2.1"]}},
            "joe@sub.example.com",
            N,
            id="step-6-not-for-subdomains",
        ),
        pytest.param({AT: "dkim=all"}, "joe@sub.example.com", S, id="parent-of-no-such-domain"),
        pytest.param(
            {AT: "dkim=all", "a.sub.example.com": {"A": ["192.0.2.1"]}},
            "joe@a.sub.example.com",
            N,
            id="one-level-only",
        ),
        pytest.param(
            {"_ssp._domainkey.com": "dkim=all", "example.com": {"A": ["192.0.2.1"]}},
            "joe@example.com",
            N,
            id="step-4-never-the-tld",
        ),
    ],
)
def test_without_a_record_the_domain_and_its_parent_are_looked_at(
    zone: dict[str, object], author: str, expected: Standing
) -> None:
    assert run(ssp2007.evaluate(by(author)), Zone(zone)).standing is expected


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(Question(SUB), id="own-record"),
        pytest.param(Question("sub.example.com", "MX"), id="existence"),
        pytest.param(Question(AT), id="parent-record"),
    ],
)
def test_no_answer_is_temperror(failing: Question) -> None:
    zone = Zone({AT: "dkim=unknown", "sub.example.com": {"MX": ["10 mx"]}})
    counting = Counting(zone, fails=(failing,))
    found = run(ssp2007.evaluate(by("joe@sub.example.com")), counting)
    assert found.standing is Standing.TEMPERROR


def test_a_valid_signature_of_the_author_needs_no_question() -> None:
    counting = Counting(Zone({}))
    run(ssp2007.evaluate(by("joe@example.com"), [FIRST]), counting)
    assert counting.rounds == []


def test_never_more_than_two_rounds() -> None:
    counting = Counting(Zone({}))
    run(ssp2007.evaluate(by("joe@a.b.c.example.com")), counting)
    assert [len(batch) for batch in counting.rounds] == [1, 2]
