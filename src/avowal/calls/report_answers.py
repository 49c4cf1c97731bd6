"""What whoever hands a report in is told: per file, and per report in it (JSON by HTTP)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from avowal.calls.report_intake import Intake

MOST_TOLD: Final = 1000
"""Reports of one file that are told one by one; all are counted."""
MOST_PROBLEMS: Final = 20
FileWord = Literal["read", "duplicate", "refused"]


class ReceivedReportObject(Struct, frozen=True, kw_only=True):
    """What became of one report."""

    result: Annotated[
        Literal["kept", "copy", "refused", "nothing"],
        Meta(description="kept; a copy of one that is there; refused; or no report at all"),
    ]
    kind: Literal["aggregate", "tls", "failure"] | None
    organization: str
    report_id: str
    domain: str
    records: int
    messages: int
    lost: Annotated[int, Meta(description="records that could not be used")]
    damaged: bool
    why: Annotated[str | None, Meta(description="why it was refused")]
    problems: Annotated[tuple[str, ...], Meta(description="what is wrong or odd about it")]


class UploadedFileObject(Struct, frozen=True, kw_only=True):
    """What became of one file: read, where a report of it was kept."""

    name: str
    result: FileWord
    why: Annotated[str | None, Meta(description="why nothing of it was kept")]
    kept: int
    copies: int
    refused: int
    reports: Annotated[
        tuple[ReceivedReportObject, ...], Meta(description=f"the first {MOST_TOLD} of them")
    ]


class UploadObject(Struct, frozen=True, kw_only=True):
    """What became of the report files of a request."""

    files: tuple[UploadedFileObject, ...]


def told_of(name: str, intakes: Iterable[Intake], unusable: str = "") -> UploadedFileObject:
    """Return what became of a file; `unusable` says why it could not be read to its end."""
    counts: Counter[str] = Counter()
    reports: list[ReceivedReportObject] = []
    why = unusable
    for one in intakes:
        counts[one.word] += 1
        why = why or one.why
        if len(reports) < MOST_TOLD:
            reports.append(_report(one))
    result: FileWord = "refused"
    if counts["kept"]:
        result = "read"
    elif counts["copy"]:
        result = "duplicate"
    return UploadedFileObject(
        name=name, result=result, why=why or None, kept=counts["kept"], copies=counts["copy"],
        refused=counts["refused"], reports=tuple(reports),
    )  # fmt: skip


def _report(one: Intake) -> ReceivedReportObject:
    return ReceivedReportObject(
        result=one.word, kind=one.kind, organization=one.organization, report_id=one.report_id,
        domain=one.domain, records=one.records, messages=one.messages, lost=one.lost,
        damaged=one.damaged, why=one.why or None, problems=one.problems[:MOST_PROBLEMS],
    )  # fmt: skip
