"""The tables of warnings: every warning has one row."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from tests.crafting import craft, only

from avowal import Caution, Verification
from avowal.dkim import cautions
from avowal.testing import message

# Of the body and the header at once: `Signer.warnings`.
ELSEWHERE = {Caution.EIGHT_BIT}


def test_each_warning_has_one_row() -> None:
    rows = [
        row[0] for table in (cautions.HEADER, cautions.SIGNATURE, cautions.KEY) for row in table
    ]
    assert len(rows) == len(set(rows))
    assert set(Caution) - set(rows) == ELSEWHERE


# --- worked out when they are read ----------------------------------------------------------------

WARNED = craft(message(), tags={"more": "1"})  # a tag of no registry


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[Caution]:
    """The warnings whose predicates were asked, in order."""
    asked: list[Caution] = []
    rows = tuple((c, lambda *_, c=c: asked.append(c) or True) for c, _ in cautions.SIGNATURE)
    monkeypatch.setattr(cautions, "SIGNATURE", rows)
    return asked


def test_who_asks_whether_a_signature_passed_pays_for_no_warnings(
    looked_at: list[Caution],
) -> None:
    verdict = only(WARNED)
    assert verdict.passed
    assert looked_at == []
    told = verdict.warnings
    assert verdict.warnings is told
    assert looked_at == [caution for caution, _ in cautions.SIGNATURE]  # once


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(dataclasses.replace, id="replace"),
        pytest.param(lambda one: pickle.loads(pickle.dumps(one)), id="pickle"),
    ],
)
def test_copies_of_a_verdict_have_its_warnings(copied: Callable[[Verification], Any]) -> None:
    verdict = only(WARNED)
    assert copied(verdict) == verdict
    assert copied(only(WARNED)).warnings == verdict.warnings
    assert Caution.UNKNOWN_TAGS in verdict.warnings


def test_a_verdict_shows_its_warnings_and_stays_as_it_is() -> None:
    verdict = only(WARNED)
    assert "Caution.UNKNOWN_TAGS" in repr(verdict)
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.warnings = ()  # type: ignore[misc]
    assert isinstance(verdict.warnings, tuple)
