"""The tables of the pages are those of the code."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import pytest

from avowal.arc.reasons import ChainReason, Refusal
from avowal.authres import Cause, Distrust

PAGES = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize(
    ("page", "table"),
    [
        pytest.param("arc.md", ChainReason, id="chain-reasons"),
        pytest.param("arc.md", Refusal, id="refusals"),
        pytest.param("authentication-results.md", Distrust, id="distrust"),
        pytest.param("authentication-results.md", Cause, id="causes"),
    ],
)
def test_every_word_of_the_list_is_explained(page: str, table: type[Enum]) -> None:
    text = (PAGES / page).read_text(encoding="utf-8")
    for member in table:
        source = getattr(member, "source", None)
        start = f"| `{member}` | " + (f"{source} | " if source else "")
        assert start + member.sentence in text  # type: ignore[attr-defined]
