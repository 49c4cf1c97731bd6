"""What is wrong with a domain's keys, by rules over what was observed: ``avowal keys doctor``.

`survey` says what was seen, `RULES` what is looked for: each rule is a row of a table with its
code, its sentence and its remedy, and docs/reference/doctor.md is made of them.
"""

from __future__ import annotations

from avowal.keys.doctor import names, records, servers, uses
from avowal.keys.doctor.rule import DoctorRule, Surveys
from avowal.policy.lint.finding import LintFinding, LintLevel

__all__ = ["RULES", "DoctorRule", "examine"]

RULES: tuple[DoctorRule, ...] = (*names.RULES, *records.RULES, *uses.RULES, *servers.RULES)


def examine(surveys: Surveys) -> tuple[LintFinding, ...]:
    """Return what the rules find, errors first, each thing once.  Raises nothing."""
    found = dict.fromkeys(finding for rule in RULES for finding in rule.findings(surveys))
    return tuple(sorted(found, key=lambda finding: tuple(LintLevel).index(finding.level)))
