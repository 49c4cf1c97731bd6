"""The registry: one table for explanations, their advice and the manual's page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from avowal.diagnose.registry import REGISTRY
from avowal.diagnose.treatments import TREATMENTS

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "src/avowal/diagnose").glob("*.py"))


def test_the_page_is_made_from_the_registry() -> None:
    script = ROOT / "scripts/explanation_reference.py"
    made = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    page = ROOT / "docs/reference/explanation.md"
    assert made.stdout == page.read_text(encoding="utf-8")


def test_every_row_is_used_by_a_search() -> None:
    texts = [
        path.read_text() for path in SOURCES if path.name not in {"registry.py", "treatments.py"}
    ]
    named = set(re.findall(r'"([a-z0-9-]+)"', "".join(texts)))
    made = {"base64-was-plain", "quoted-printable-was-plain"}
    made |= {f"part-{name}" for name in made}
    assert set(REGISTRY) - named - made == set()


def test_what_is_observed_is_never_a_step_of_a_proof() -> None:
    observed = {name for name, row in REGISTRY.items() if row.observed}
    assert observed
    assert not observed & {step for one in TREATMENTS.values() for step in (*one.steps, *one.also)}


def test_every_row_is_a_sentence_with_somebody_who_does_it() -> None:
    assert all(row.sentence and row.by for row in REGISTRY.values())
