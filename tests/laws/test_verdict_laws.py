"""The laws of an outcome for an application's question (`avowal.verdict`), over generated attacks.

The answers are ranked as exposures are: NOT_AUTHENTIC, CANNOT_TELL, AUTHENTIC.

- soundness: AUTHENTIC only where each shown domain signed these octets, by the facts;
- neutrality: nothing that a stranger adds raises the answer, whatever the program accepts;
- friendly fire: a message that the author's domain signed whole is AUTHENTIC;
- schedule: asynchronous callers get the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.attacks import attacked, facts
from tests.laws.oracle import VOUCHED, of_author
from tests.laws.receivers import MOST_FIELDS, MOST_OCTETS
from tests.laws.world import NOW, TRUSTED, Case, base, zone_of

from avowal import Judgement, Limits, averdict, seal, verdict
from avowal.authres import AuthenticationResults, MethodResult
from avowal.examine import author_evidence, judgement_rows
from avowal.examine.judgement_rows import ROWS
from avowal.lookup import Answer, Failure, Question
from avowal.testing import RSA_1024

pytestmark = [pytest.mark.threats, pytest.mark.properties]

LIMITS: Final = Limits(header_fields=MOST_FIELDS, header_octets=MOST_OCTETS)
ACCEPTED: Final[tuple[dict[str, Any], ...]] = (
    {}, {}, {"accept_spf": True}, {"accept_trusted_arc": (TRUSTED,)},
    {"accept_spf": True, "accept_trusted_arc": (TRUSTED,), "max_age": 50},
)  # fmt: skip


class Partly:
    """A resolver whose silent names never answer in time."""

    def __init__(self, case: Case) -> None:
        self._zone, self._silent = zone_of(case), case.silent

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        late = Answer.failed(Failure.DEADLINE)
        answers = self._zone.resolve(questions)
        return tuple(
            late if question.name in self._silent else answer
            for question, answer in zip(questions, answers, strict=True)
        )

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return self.resolve(questions)


def arguments(case: Case, accepted: dict[str, Any]) -> dict[str, Any]:
    return {
        "client": case.client, "mail_from": f"x@{case.sender}", "helo": case.sender,
        "now": NOW, "limits": LIMITS, "line_ends": "wire", **accepted,
    }  # fmt: skip


def answer(case: Case, accepted: dict[str, Any]) -> Judgement:
    return verdict(case.octets, Partly(case), **arguments(case, accepted))


def signed_by_all(case: Case) -> bool:
    """Whether every domain that any reader shows signed these octets, by the facts."""
    return bool(case.shown) and all(
        domain in case.passing or of_author(case, domain, case.passing) == VOUCHED
        for domain in case.shown
    )


def forwarded(case: Case) -> Case:
    """The case as a trusted sealer passes it on that saw its author pass DMARC."""
    (author,) = case.shown
    passed = MethodResult("dmarc", "pass", properties=(("header.from", author),))
    fields = seal(
        case.octets, zone_of(case), authserv_id=TRUSTED, domain=TRUSTED, selector="s",
        key=RSA_1024, results=AuthenticationResults(TRUSTED, (passed,)), now=NOW, line_ends="wire",
    )  # fmt: skip
    return case.but("trusted chain", octets=fields + case.octets)


def violations(seed: int) -> Iterator[tuple[str, Case, Judgement]]:
    """Try one message, and up to four attacks on it; yield what breaks a law."""
    rng = random.Random(seed)
    accepted = rng.choice(ACCEPTED)
    case = base(rng)
    if rng.random() < 0.3:
        case = forwarded(case)
    before = answer(case, accepted)
    if not accepted and case.authentic and signed_by_all(case) and not before.authentic:
        yield "friendly fire", case, before
    for _ in range(rng.randint(0, 4)):
        case = attacked(rng, case)
        after = answer(case, accepted)
        if after.answer.rank > before.answer.rank and not case.lawful:
            yield "neutrality", case, after
        before = after
        if not accepted and after.authentic and not signed_by_all(case):
            yield "soundness", case, after
        if after.authentic and (case.beyond or case.doubted or not case.shown):
            yield "soundness", case, after


def first(seeds: range) -> str:
    for seed in seeds:
        for law, case, found in violations(seed):
            return f"{law} {seed}: {found}\n{facts(case)}"
    return ""


EACH = 200
REGRESSION = (0, 200, 800)  # where a set of so many seeds begins


@pytest.mark.parametrize("start", REGRESSION)
def test_the_laws_hold_over_a_fixed_set_of_attacks(start: int) -> None:
    assert first(range(start, start + EACH)) == ""


@given(st.integers(min_value=0, max_value=1 << 40))
@settings(max_examples=100)
def test_the_laws_hold_over_attacks_nobody_has_seen(seed: int) -> None:
    assert first(range(seed, seed + 1)) == ""


async def test_asynchronous_callers_get_the_same() -> None:
    for seed in range(100):
        rng = random.Random(seed)
        case = attacked(rng, base(rng))
        given_ = arguments(case, {})
        assert await averdict(case.octets, Partly(case), **given_) == answer(case, {}), seed


# -- each guard broken once: a law that holds whatever we break would say nothing ----------------


def without_row(number: int) -> tuple[judgement_rows.Row, ...]:
    return tuple(row for row in ROWS if row.number != number)


GUARDS: list[Any] = [
    pytest.param(judgement_rows, "ROWS", without_row(1), 800, id="row-1"),
    pytest.param(author_evidence, "_aligned", lambda *_: True, 0, id="alignment"),
    pytest.param(
        author_evidence, "_is_unknown", lambda _, found: any(not v.passed for v in found.dkim), 0,
        id="a-temporary-error-counts-of-the-author-only",
    ),
    pytest.param(judgement_rows, "_DOUBTS", 10, 0, id="what-vouches-stands-first"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "broken", "start"), GUARDS)
def test_a_broken_guard_breaks_a_law(
    module: Any, name: str, broken: Any, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the fixed set: whoever breaks one sees it fail there."""
    monkeypatch.setattr(module, name, broken)
    assert start in REGRESSION
    assert first(range(start, start + EACH)) != ""


def test_the_least_of_several_domains_is_what_keeps_the_law(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the greatest in its place a further author of the attacker's would do."""
    evidence = author_evidence.evidence_of

    def last(*given_: Any, **options: Any) -> Any:
        return evidence(*given_, **options)[-1:]

    monkeypatch.setattr(judgement_rows, "evidence_of", last)
    assert first(range(EACH)) != ""
