"""docs/reference/verdicts.md holds the tables of the code: reasons, warnings, rules, limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pytest

from avowal import Caution, Reason, Rules
from avowal.dkim.rules import PROFILES
from avowal.limits import table

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "verdicts.md"


def shown(value: object) -> str:
    """A rule's value as the page writes it."""
    if isinstance(value, frozenset):
        words = sorted(v.decode() if isinstance(v, bytes) else str(v) for v in value)
        return ", ".join(words) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def reasons() -> Iterable[str]:
    for reason in Reason:
        yield f"| `{reason}` | {reason.result} | {reason.source} | {reason.sentence} |"


def warnings() -> Iterable[str]:
    for caution in Caution:
        yield f"| `{caution}` | {caution.sentence} |"


def rules() -> Iterable[str]:
    for rule in dataclasses.fields(Rules):
        about = f"`{rule.metadata['reason']}` | {rule.metadata['meaning']}"
        yield f"| `{rule.name}` | {shown(rule.default)} | {about} |"


def profiles() -> Iterable[str]:
    for name, profile in PROFILES.items():
        changed = [
            f"`{rule.name}` {shown(value)}"
            for rule in dataclasses.fields(Rules)
            if (value := getattr(profile, rule.name)) != rule.default
        ]
        yield f"| `{name}` | {'; '.join(changed) or 'nothing'} |"


def limits() -> Iterable[str]:
    for name, default, unit, source in table():
        yield f"| `{name}` | {default} | {unit} | {source} |"


SECTIONS = {
    "reasons": reasons,
    "warnings": warnings,
    "rules": rules,
    "profiles": profiles,
    "limits": limits,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_has_exactly_the_rows_of_the_table(section: str) -> None:
    wanted = list(SECTIONS[section]())
    text = PAGE.read_text(encoding="utf-8")
    written = text.partition(f"<!-- {section} -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert written == wanted, "the rows are:\n" + "\n".join(wanted)
