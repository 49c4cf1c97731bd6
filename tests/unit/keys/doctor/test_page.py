"""docs/reference/doctor.md is what the table of the rules prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from avowal.keys.doctor import RULES, DoctorRule

ROOT = Path(__file__).parents[4]


def test_the_page_is_made_of_the_rules() -> None:
    script = ROOT / "scripts" / "doctor_reference.py"
    made = subprocess.run([sys.executable, str(script)], capture_output=True, check=True, text=True)
    assert (ROOT / "docs" / "reference" / "doctor.md").read_text(encoding="utf-8") == made.stdout


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_rule_says_what_why_and_what_to_do(rule: DoctorRule) -> None:
    assert (rule.says[-1], rule.why[-1]) == (".", ".")
    assert (rule.remedy[0].isupper(), rule.remedy[-1] == ".") == (False, False)
    assert "RFC" in rule.source
