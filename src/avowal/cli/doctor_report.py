"""What ``avowal keys doctor`` found: as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from avowal.cli.streams import echo
from avowal.keys.doctor.reading import reading_of
from avowal.keys.doctor.rule import PAGE
from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
from avowal.keys.slips import exposed
from avowal.policy.lint.finding import LintFinding
from avowal.text import printable

_COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}


def write(surveys: Sequence[KeySurvey], findings: Sequence[LintFinding]) -> None:
    """Write the report, its levels in colours."""
    for line in report(surveys, findings):
        level = line.partition(" ")[0]
        echo(
            click.style(level, fg=_COLOURS[level]) + line[len(level) :]
            if level in _COLOURS
            else line
        )


def report(surveys: Sequence[KeySurvey], findings: Sequence[LintFinding]) -> Iterator[str]:
    """Yield the lines of the report, printable whatever stands in DNS."""
    for survey in surveys:
        where = "" if survey.file is None else f", in {survey.file}"
        yield printable(f"{survey.domain.ascii}{where}:")
        for key in survey.keys:
            yield printable(f"  {key.name}: {_state(key)}")
    for finding in findings:
        yield printable(f"{finding.level.value:<8} {finding.place}: {finding.what}")
        yield printable(f"         {finding.hint} [{finding.code}]")
    if not findings:
        yield "nothing to find fault with"


def _state(key: SurveyedKey) -> str:
    """Say in a line what stands at a selector."""
    if key.answer is None:
        return f"a CNAME to {key.alias}, outside of the file"
    if not key.answer.records:
        return key.answer.failure.value if key.answer.failure else key.answer.outcome.value
    said = []
    for reading in map(reading_of, key.records):
        if reading.trouble is not None:
            said.append("unusable")
        elif reading.key is None:
            said.append("revoked")
        else:
            said.append(f"{reading.key.key_type}, {reading.key.bits} bits")
    secure = ", DNSSEC" if key.answer.secure else ""
    return f"{' and '.join(said)}, TTL {key.longest_ttl}{secure}"


def as_object(surveys: Sequence[KeySurvey], findings: Sequence[LintFinding]) -> dict[str, Any]:
    """Return the findings, and what stands at each selector."""
    domains = [
        {
            "domain": survey.domain.ascii,
            "file": survey.file,
            "keys": [
                {
                    "selector": key.selector.ascii,
                    "name": key.name,
                    "state": _state(key),
                    "alias": key.alias,
                    "ttl": key.longest_ttl,
                    "dnssec": key.answer is not None and key.answer.secure,
                    "records": [_shown(one) for one in key.records],
                }
                for key in survey.keys
            ],
        }
        for survey in surveys
    ]
    told = [
        {
            **finding._asdict(),
            "level": finding.level.value,
            "page": f"{PAGE}#{finding.code}",
        }
        for finding in findings
    ]
    return {"domains": domains, "findings": told}


def _shown(record: bytes) -> str:
    """Return a record as text, but no private key, though all the world may read it in DNS."""
    return "a private key" if exposed(record) else record.decode("utf-8", "backslashreplace")
