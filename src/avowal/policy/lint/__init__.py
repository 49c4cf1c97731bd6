"""What is wrong, risky or left over in what a domain publishes: ``avowal policy check``.

Each check is a row of `CHECKS` (or of `ASKING_CHECKS`, when it needs further questions); a
finding says what, where and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Steps, together
from avowal.policy.lint import dmarc, practices, spf, whole
from avowal.policy.lint.finding import LintFinding, LintLevel
from avowal.policy.survey import Survey

__all__ = ["ASKING_CHECKS", "CHECKS", "LintFinding", "LintLevel", "lint"]

Check: TypeAlias = Callable[[Survey], Iterator[LintFinding]]
AskingCheck: TypeAlias = Callable[[Survey, Limits], Steps[tuple[LintFinding, ...]]]

CHECKS: tuple[Check, ...] = (
    whole.unanswered,
    whole.several,
    whole.missing,
    whole.leftovers,
    practices.symbols,
    practices.words,
    dmarc.unreadable,
    dmarc.tags,
    dmarc.strictness,
    dmarc.beginning,
    dmarc.below,
    spf.near_misses,
    spf.unreadable,
    spf.form,
)
ASKING_CHECKS: tuple[AskingCheck, ...] = (dmarc.consent, spf.cost, spf.explanation)


def lint(survey: Survey, *, limits: Limits = DEFAULT) -> Steps[tuple[LintFinding, ...]]:
    """Check what was surveyed, errors first.  Raises nothing."""
    found = [finding for check in CHECKS for finding in check(survey)]
    further = yield from together(*(check(survey, limits) for check in ASKING_CHECKS))
    found += [finding for findings in further for finding in findings]
    return tuple(sorted(found, key=lambda finding: tuple(LintLevel).index(finding.level)))
