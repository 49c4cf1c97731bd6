"""Aggregate reports out of what parsedmarc wrote: its JSON and its CSV, for those who change over.

Both tell less than the reports did (the CSV has no texts with commas), and times without a zone,
which are taken as UTC.  A report that cannot be read is told to `skipped`, and the others follow.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, zip_longest
from typing import NotRequired, TypedDict

from avowal.report import aggregate_sections as sections
from avowal.report.aggregate import AggregateReport, Record
from avowal.report.aggregate_sections import RecordFault
from avowal.report.arf import ReportFault
from avowal.text import whole

Skipped = Callable[[str], object]
_HEAD = ("org_name", "report_id", "domain", "begin_date")
_COLUMNS = frozenset((*_HEAD, "source_ip_address", "count", "disposition", "header_from"))


_Section = Mapping[str, object]


class _Metadata(TypedDict, total=False):
    org_name: str
    org_email: str
    org_extra_contact_info: str
    report_id: str
    begin_date: str
    end_date: str
    generator: str
    errors: Sequence[str]


class _Evaluated(TypedDict, total=False):
    disposition: str
    dkim: str
    spf: str
    policy_override_reasons: Sequence[_Section]


class _Results(TypedDict):
    dkim: Sequence[_Section]
    spf: Sequence[_Section]


class _Source(TypedDict):
    ip_address: str


class _Record(TypedDict):
    source: _Source
    count: object
    policy_evaluated: _Evaluated
    identifiers: _Section
    auth_results: _Results


class _Report(TypedDict):
    """A report as parsedmarc writes it; of what somebody else wrote, each use is guarded."""

    xml_schema: NotRequired[str]
    report_metadata: _Metadata
    policy_published: _Section
    records: Sequence[_Record]


class _All(_Report):
    aggregate_reports: NotRequired[_Report | list[_Report]]


_Found = _All | list[_Report]


def read_parsedmarc(text: str, skipped: Skipped) -> Iterator[AggregateReport]:
    """Yield the reports of a file, JSON or CSV as its beginning tells.

    Raises ReportFault for what is neither.
    """
    if text.lstrip("\ufeff \t\r\n").startswith(("[", "{")):
        yield from _from_json(text, skipped)
    else:
        yield from _from_csv(text.lstrip("\ufeff").splitlines(keepends=True), skipped)


def _from_json(text: str, skipped: Skipped) -> Iterator[AggregateReport]:
    try:
        found: _Found = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise ReportFault(0, f"the JSON is broken: {error}") from None
    inner = found if isinstance(found, list) else found.get("aggregate_reports", found)
    for number, one in enumerate(inner if isinstance(inner, list) else [inner], 1):
        try:
            yield _json_report(one)
        except RecordFault as fault:
            skipped(f"report {number}: {fault}")
        except (KeyError, TypeError, AttributeError) as fault:
            skipped(f"report {number} is not as parsedmarc writes them: {fault!r}")


def _json_report(one: _Report) -> AggregateReport:
    told, policy = one["report_metadata"], one["policy_published"]
    texts: _Section = {
        "org_name": told.get("org_name"), "email": told.get("org_email"),
        "report_id": told.get("report_id"), "begin": _seconds(told.get("begin_date")),
        "end": _seconds(told.get("end_date")), "generator": told.get("generator"),
        "extra_contact_info": told.get("org_extra_contact_info"),
    }  # fmt: skip
    return AggregateReport(
        metadata=sections.metadata(
            _texts(texts), tuple(whole(str(one)) for one in told.get("errors") or ())
        ),
        policy=sections.policy(_texts(policy), _ignore),
        records=tuple(map(_json_record, one["records"])),
        version=one.get("xml_schema"),
    )


def _json_record(one: _Record) -> Record:
    evaluated, results = one["policy_evaluated"], one["auth_results"]
    reasons = [
        reason
        for told in evaluated.get("policy_override_reasons") or ()
        if (reason := sections.reason(_texts(told), _ignore)) is not None
    ]
    return sections.record(
        sections.address(one["source"]["ip_address"]),
        sections.count(str(one["count"])),
        sections.evaluated(_texts(evaluated), reasons, _ignore),
        sections.identifiers(_texts(one["identifiers"])),
        sections.AuthResults(
            tuple(sections.dkim_result(_texts(told), _ignore) for told in results["dkim"]),
            tuple(sections.spf_result(_texts(told), _ignore) for told in results["spf"]),
        ),
    )


def _from_csv(lines: Iterable[str], skipped: Skipped) -> Iterator[AggregateReport]:
    reader = csv.DictReader(lines)
    if not _COLUMNS.issubset(reader.fieldnames or ()):
        raise ReportFault(0, "neither JSON nor CSV as parsedmarc writes aggregate reports")
    try:
        for head, rows in groupby(reader, lambda row: tuple(row[name] for name in _HEAD)):
            try:
                yield _csv_report(list(rows))
            except RecordFault as fault:
                skipped(f"report {' '.join(map(str, head))}: {fault}")
    except csv.Error as error:
        raise ReportFault(0, f"the CSV is broken: {error}") from None


def _csv_report(rows: Sequence[Mapping[str, str]]) -> AggregateReport:
    first = dict(rows[0])
    first |= {
        "email": first.get("org_email", ""), "begin": str(_seconds(first["begin_date"])),
        "end": str(_seconds(first.get("end_date"))),
        "extra_contact_info": first.get("org_extra_contact_info", ""),
    }  # fmt: skip
    errors = tuple(filter(None, (first.get("errors") or "").split("|")))
    return AggregateReport(
        metadata=sections.metadata(_texts(first), errors),
        policy=sections.policy(_texts(first), _ignore),
        records=tuple(map(_csv_record, rows)),
        version=first.get("xml_schema") or None,
    )


def _csv_record(row: Mapping[str, str]) -> Record:
    aligned = {
        name: "pass" if row.get(f"{name}_aligned", "").lower() == "true" else "fail"
        for name in ("dkim", "spf")
    }
    types = _listed(row, "policy_override_reasons")
    comments = (row.get("policy_override_comments") or "").split("|")
    reasons = [
        reason
        for kind, comment in zip_longest(types, comments[: len(types)], fillvalue="")
        if (reason := sections.reason({"type": kind, "comment": comment}, _ignore)) is not None
    ]
    return sections.record(
        sections.address(row["source_ip_address"]),
        sections.count(row["count"]),
        sections.evaluated({"disposition": row["disposition"]} | aligned, reasons, _ignore),
        sections.identifiers(_texts(row)),
        sections.AuthResults(
            tuple(sections.dkim_result(one, _ignore) for one in _results(row, "dkim", "selector")),
            tuple(sections.spf_result(one, _ignore) for one in _results(row, "spf", "scope")),
        ),
    )


def _results(row: Mapping[str, str], kind: str, second: str) -> Iterator[dict[str, str]]:
    columns = (f"{kind}_domains", f"{kind}_{second}s", f"{kind}_results")
    for domain, other, result in zip_longest(
        *(_listed(row, column) for column in columns), fillvalue=""
    ):
        yield {"domain": domain, second: other, "result": result}


def _listed(row: Mapping[str, str], column: str) -> list[str]:
    text = row.get(column) or ""
    return text.split(",") if text else []


def _texts(found: _Section) -> dict[str, str]:
    """What is there, as text."""
    return {
        name: whole(str(one)) for name, one in found.items()
        if one is not None and isinstance(one, str | int | bool)
    }  # fmt: skip


def _seconds(written: object) -> int:
    """A time of parsedmarc's as Unix seconds.  Raises RecordFault."""
    try:
        found = datetime.fromisoformat(str(written))
    except ValueError:
        raise RecordFault(f"{str(written)[:40]!r} is no time") from None
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp())


def _ignore(note: str) -> None:
    """Words were mapped by parsedmarc already."""
