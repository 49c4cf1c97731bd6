"""A further author makes no outcome milder, whatever its domain publishes or fails to answer.

The exposure of an outcome: 0 not delivered, 1 held, 2 delivered, 3 delivered as the author's.
"""

from __future__ import annotations

from functools import cache
from itertools import chain, permutations

import pytest
from tests.evidence import Counting, by, signed

from avowal.lookup import Question, run
from avowal.message import Header
from avowal.policy.assessment import (
    Choice,
    GenerationVerdict,
    Handling,
    PolicyDisposition,
    PolicyGeneration,
    combined,
)
from avowal.policy.dmarc.evaluate import evaluate
from avowal.policy.dmarc.result import Evaluation
from avowal.policy.engine import Engine
from avowal.policy.result import PolicyResult
from avowal.testing import Zone

Names = tuple[str, ...]
R, D = PolicyResult, PolicyDisposition
PREFIXES = {
    PolicyGeneration.DMARC_2026: "_dmarc",
    PolicyGeneration.ADSP: "_adsp._domainkey",
    PolicyGeneration.SSP_2005: "_policy._domainkey",
    PolicyGeneration.SSP_2007: "_ssp._domainkey",
}
RECORDS = {
    "signed.example": ("v=DMARC1; p=reject", "dkim=discardable", "o=!", "dkim=strict"),
    "reject.example": ("v=DMARC1; p=reject", "dkim=discardable", "o=!", "dkim=strict"),
    "hold.example": ("v=DMARC1; p=quarantine", "dkim=all", "o=-", "dkim=all"),
    "testing.example": ("v=DMARC1; p=reject; t=y", "dkim=unknown", "o=-; t=y", "dkim=all; t=y"),
    "none.example": ("v=DMARC1; p=none", "dkim=unknown", "o=~", "dkim=unknown"),
    "silent.example": (None, None, None, None),
    "hanging.example": (None, None, None, None),
}
ZONE = Zone(
    {
        f"{prefix}.{domain}": record
        for domain, records in RECORDS.items()
        for prefix, record in zip(PREFIXES.values(), records, strict=True)
        if record is not None
    }
    | {domain: {"MX": ["10 mx.example"]} for domain in RECORDS}
)
HANGS = tuple(
    question for prefix in PREFIXES.values() for question in [Question(f"{prefix}.hanging.example")]
)
OTHERS = ("literal", "unreadable")
AUTHORS = (*RECORDS, *OTHERS)
SIGNED = (signed("signed.example"),)


def field(authors: tuple[str, ...]) -> str:
    odd = {"literal": "a@[192.0.2.1]", "unreadable": "a@x..example"}
    return ", ".join(odd.get(author, f"a@{author}") for author in authors)


@cache
def verdicts(authors: Names, generation: PolicyGeneration) -> tuple[GenerationVerdict, ...]:
    header = Header.parse(f"From: {field(authors)}\r\n".encode())
    engine = Engine(header, Choice(generations=(generation,)))
    return run(engine.evaluate(SIGNED), Counting(ZONE, fails=HANGS)).verdicts


def exposure(authors: tuple[str, ...], choice: Choice) -> int:
    found = verdicts(authors, choice.generations[0])
    disposition, _, _ = combined(found, choice)
    if disposition in {
        D.REJECT,
        D.DISCARD,
        D.TEMPFAIL,
    }:
        return 0
    if disposition is D.QUARANTINE:
        return 1
    return 3 if all(verdict.word in {"pass", "accept"} for verdict in found) else 2


@pytest.mark.parametrize("tempfail", [False, True], ids=["accept-unknown", "put-off-unknown"])
@pytest.mark.parametrize("handling", Handling)
@pytest.mark.parametrize("generation", PREFIXES)
def test_a_further_author_makes_no_outcome_milder(
    generation: PolicyGeneration, handling: Handling, tempfail: bool
) -> None:
    """Every author, and every two, with every other one before and behind them."""
    choice = Choice(generations=(generation,), handling=handling, tempfail=tempfail)
    milder = [
        (authors, more)
        for authors in chain(permutations(AUTHORS, 1), permutations(AUTHORS, 2))
        for further in AUTHORS
        for more in ((further, *authors), (*authors, further))
        if exposure(more, choice) > exposure(authors, choice)
    ]
    assert milder == []


def dmarc(*authors: str) -> Evaluation:
    return run(evaluate(by(field(authors)), SIGNED), Counting(ZONE, fails=HANGS))


@pytest.mark.parametrize("order", list(permutations(("hold.example", "hanging.example"))))
def test_a_policy_that_is_not_known_lifts_no_quarantine(order: tuple[str, ...]) -> None:
    found = dmarc(*order)
    assert (found.result, found.disposition.value) == (R.FAIL, "quarantine")
    assert found.unknown


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        pytest.param(("none.example", "hanging.example"), R.TEMPERROR, id="above-p-none"),
        pytest.param(("signed.example", "hanging.example"), R.TEMPERROR, id="above-a-pass"),
        pytest.param(("silent.example", "hanging.example"), R.TEMPERROR, id="above-none"),
        pytest.param(("reject.example", "hanging.example"), R.FAIL, id="below-p-reject"),
    ],
)
def test_where_not_knowing_stands(authors: tuple[str, ...], expected: PolicyResult) -> None:
    assert dmarc(*authors).result is expected
