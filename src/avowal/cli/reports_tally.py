"""What became of the reports that were read: told one by one, and as a sum at the end."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from avowal.cli import exits, sources
from avowal.cli.exits import ExitStatus
from avowal.cli.streams import echo
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.calls.report_intake import Intake

_MOST_ODD: Final = 1000  # oddities by organization that are counted
_SHOWN_ODD: Final = 10


class Tally:
    """Tells what became of each report, and counts."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.counts: Counter[str] = Counter()
        self.unusable = 0
        self.named: frozenset[str] = frozenset()
        self._odd: Counter[tuple[str, str]] = Counter()

    def add(self, found: Intake) -> None:
        """Count what became of a report, and tell it where it is not as it should be."""
        self.counts[found.word] += 1
        self.counts["records"] += found.records
        self.counts["messages"] += found.messages if found.kind == "aggregate" else 0
        self.counts["lost"] += found.lost
        self.counts["damaged"] += found.damaged
        for text, number in found.notes:
            key = found.organization.lower(), text
            if key in self._odd or len(self._odd) < _MOST_ODD:
                self._odd[key] += number
        if self._as_json:
            echo(json.dumps(_as_object(found)))
        elif found.word == "refused":
            exits.complain(f"{found.origin}: refused: {found.why}")
        elif found.lost or found.damaged:
            more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
            exits.complain(f"{found.origin}: {found.problems[0]}{more}")

    def nothing(self, path: str, found: Intake) -> None:
        """Note a file without a report: a complaint where it is named, and not one of a folder."""
        self.counts["without"] += 1
        if self._as_json:
            echo(json.dumps(_as_object(found)))
        if path in self.named:
            self.counts["nothing"] += 1
            exits.complain(f"{sources.named(path)}: there is no report in it: {found.why}")

    def end(self, *, interrupted: bool) -> None:
        """Tell the sum."""
        n = self.counts
        if self._as_json:
            echo(json.dumps({"summary": dict(n), "interrupted": interrupted}))
            return
        echo(
            f"{n['kept']:,} reports kept ({n['records']:,} records, {n['messages']:,} messages), "
            f"{n['copy']:,} known already, {n['refused']:,} refused, {n['files']:,} files"
            + (f"; {n['lost']:,} records could not be used" if n["lost"] else "")
            + (f"; {n['damaged']:,} reports are damaged" if n["damaged"] else "")
            + (f"; {n['without']:,} files without a report" if n["without"] else "")
            + (f"; {n['skipped']:,} files were read before" if n["skipped"] else "")
            + ("; interrupted: run it again to go on" if interrupted else "")
        )

        for (organization, text), number in self._odd.most_common(_SHOWN_ODD):
            times = "once" if number == 1 else f"{number:,} times"
            echo(f"  odd, of {printable(organization)}: {printable(text)} ({times})")
        if len(self._odd) > _SHOWN_ODD:
            echo(f"  and {len(self._odd) - _SHOWN_ODD} more oddities (--json has all)")

    @property
    def status(self) -> ExitStatus:
        """The status of the command."""
        if self.unusable:
            return ExitStatus.UNUSABLE
        missed = self.counts["refused"] or self.counts["nothing"]
        return ExitStatus.NOT_PASSED if missed else ExitStatus.PASSED


def _as_object(found: Intake) -> dict[str, object]:
    """Return the JSON object of a report (docs/reference/reports.md)."""
    return {
        "source": found.origin,
        "result": found.word,
        "kind": found.kind,
        "organization": printable(found.organization),
        "report_id": found.report_id,
        "domain": found.domain,
        "records": found.records,
        "messages": found.messages,
        "lost": found.lost,
        "damaged": found.damaged,
        "sender": found.sender,
        "why": found.why or None,
        "problems": list(found.problems),
    }
