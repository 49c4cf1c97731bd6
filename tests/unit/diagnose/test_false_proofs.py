"""Nothing is called proven that is not so: a small fixed sample of `bench/false_proofs.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "bench"))

from false_proofs import KINDS, Trial, explained, named


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_was_not_signed_is_proven(kind: str) -> None:
    trials = (Trial(f"test {number}") for number in range(40))
    trial = next(one for one in trials if one.kind == kind)
    assert not trial.false(explained(trial.changed))


def test_a_proof_of_another_text_than_the_signed_one_counts_as_false() -> None:
    trials = (Trial(f"test {number}") for number in range(40))
    trial = next(one for one in trials if one.kind == "body-replaced")
    one = explained(type(trial.changed).parse(trial.original))
    assert trial.false(one)


def test_what_is_named_was_done() -> None:
    counts = named(6, "test")
    assert counts["explained"] + counts["passed"] >= 5
    assert counts["steps not done"] == 0
