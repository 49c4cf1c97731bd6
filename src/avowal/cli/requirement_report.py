"""What receivers ask for, held against a sender: as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from avowal.cli.exits import ExitStatus
from avowal.requirements import Answered, rule_file
from avowal.text import printable

_WORDS = {True: "met", False: "missing", None: "unknown"}


def status_of(answered: Sequence[Answered]) -> ExitStatus:
    """Return 1 where something required is missing; what is not known is not missing."""
    failed = any(one.failed for one in answered)
    return ExitStatus.NOT_PASSED if failed else ExitStatus.PASSED


def report(subject: str, answered: Sequence[Answered]) -> Iterator[str]:
    """Yield the lines about one sender, printable whatever stands in mail and DNS."""
    yield printable(f"{subject}:")
    for _, group in groupby(answered, key=lambda one: one.receiver):
        rows = list(group)
        rules = rows[0].rules
        yield f"  {rules.title} ({rules.scope})"
        yield f"    bulk: {rules.threshold}; {rules.enforcement}"
        for row in rows:
            word = _WORDS[row.found.met]
            weight = f"{row.rule.level}, {row.rule.applies}"
            yield printable(f"    {word:<8} {weight:<17} {row.rule.says}: {row.found.what}")
            since = row.rule.since or rules.since
            yield f"    {'':<8} asked for since {since}: {row.source}"
        yield f"    read on {rules.seen}; the pages may say otherwise by now"
    yield (
        f"rules as receivers' pages said them until {rule_file().date}, not as they are today: "
        "look there for what has changed since"
    )


def as_object(subject: str, answered: Sequence[Answered]) -> dict[str, Any]:
    """Return the same as one JSON object."""
    return {
        "subject": subject,
        "date": rule_file().date,
        "rules": [
            {
                "receiver": one.receiver,
                "check": one.rule.check,
                "level": one.rule.level.value,
                "applies": one.rule.applies.value,
                "says": one.rule.says,
                "met": one.found.met,
                "what": one.found.what,
                "source": one.source,
                "seen": one.rules.seen,
                "since": one.rule.since or one.rules.since,
            }
            for one in answered
        ],
    }
