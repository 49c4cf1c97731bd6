"""The open conformance data, read in place: cases by kind, and the DNS each one sees.

The data lies beside the checkout (`../shared/conformance`) or where AVOWAL_CONFORMANCE says;
its README gives the format.  It is not part of the repository: where it is missing, every
test over it is skipped and says so.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from avowal.testing import Zone

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "conformance"
JUDGEMENTS = Path(__file__).resolve().parents[2] / "docs" / "conformance-judgements.md"
DATA = Path(os.environ.get("AVOWAL_CONFORMANCE", _BESIDE))
_MISSING = f"no {{}} cases in {DATA} (AVOWAL_CONFORMANCE says where the data is)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case; `message` is None where the case has none, `now` where any time will do."""

    id: str
    kind: str
    message: bytes | None
    dns: Mapping[str, Any]
    dns_rr: Mapping[str, Any]
    now: int | None
    options: Mapping[str, Any]
    expect: Mapping[str, Any]
    judgement: str | None
    legacy: Any
    note: str | None

    @property
    def octets(self) -> bytes:
        """The message of a case that has one."""
        assert self.message is not None
        return self.message


def load(kind: str) -> list[Case]:
    """All cases of a kind, sorted by id."""
    return sorted((case for case in _all() if case.kind == kind), key=lambda case: case.id)


def params(kind: str) -> list[Any]:
    """The cases of a kind as parameters of a test; one that is skipped where there is no data."""
    cases = load(kind)
    if cases:
        return [pytest.param(case, id=case.id) for case in cases]
    skipped = pytest.mark.skip(reason=_MISSING.format(kind))
    return [pytest.param(None, id="no-data", marks=skipped)]


def zone_of(case: Case) -> Zone:
    """The DNS of a case: TXT strings in latin-1, other types, and the words for trouble."""
    names: dict[str, Any] = {}
    for name, records in case.dns.items():
        names[name] = _txt(records)
    for name, by_type in case.dns_rr.items():
        if isinstance(by_type, str):
            names[name] = by_type
            continue
        typed = {rrtype: _records(rrtype, records) for rrtype, records in by_type.items()}
        if name in names:
            typed.setdefault("TXT", names[name])
        names[name] = typed
    return Zone(names)


def _txt(records: Any) -> Any:
    if isinstance(records, str):
        return records  # a word for trouble
    return [record.encode("latin-1") for record in records]


def _records(rrtype: str, records: Any) -> Any:
    if isinstance(records, str):
        return records
    if rrtype in {"TXT", "SPF"}:
        return _txt(records)
    return records


def decisions(kind: str) -> dict[str, str]:
    """What docs/conformance-judgements.md decides for the cases of a kind: id -> verdict."""
    section = ""
    decided: dict[str, str] = {}
    for line in JUDGEMENTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:].strip()
        elif section == kind and line.startswith("| `"):
            ids, verdict = (cell.strip() for cell in line.split("|")[1:3])
            decided |= {name.strip("` "): verdict for name in ids.split("<br>")}
    return decided


def undecided(kind: str) -> list[str]:
    """Cases with a `judgement` that the list leaves open, and rows without a case."""
    cases = load(kind)
    if not cases:
        pytest.skip(_MISSING.format(kind))
    judged = {case.id for case in cases if case.judgement}
    listed = set(decisions(kind))
    return sorted((judged - listed) | (listed - {case.id for case in cases}))


@cache
def _all() -> tuple[Case, ...]:
    return tuple(_read())


def _read() -> Iterator[Case]:
    for path in sorted(DATA.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            encoded = row["message_b64"]
            yield Case(
                id=row["id"],
                kind=row["kind"],
                message=None if encoded is None else base64.b64decode(encoded),
                dns=row.get("dns") or {},
                dns_rr=row.get("dns_rr") or {},
                now=row["time"],
                options=row.get("options") or {},
                expect=row["expect"],
                judgement=row.get("judgement"),
                legacy=row.get("legacy"),
                note=row.get("note"),
            )
