"""Report files by POST /reports: what became of each is told, and nobody else may write."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from tests.aggregates import METADATA, POLICY, RECORD
from tests.bombs import gzip_bomb
from tests.reportmails import attached
from tests.serving import TOKEN, Reply, Running, check_documented, request, running

from avowal.calls.report_answers import MOST_TOLD, UploadedFileObject, told_of
from avowal.calls.report_intake import Intake
from avowal.cli.reports_store import file_taker
from avowal.errors import StoreError
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_xml import write_aggregate
from avowal.serve.limits import ServeLimits
from avowal.serve.report_upload import MOST_FILES, ReportUploads
from avowal.stores.received_sqlite import SqliteReceived

XML = write_aggregate(AggregateReport(metadata=METADATA, policy=POLICY, records=(RECORD,)))
PACKED = gzip.compress(XML)
Take = Callable[[IO[bytes], str], UploadedFileObject]


def uploads(tmp_path: Path) -> ReportUploads:
    return ReportUploads(file_taker(str(tmp_path / "r.db")))


def form(*files: tuple[str, bytes], name: bytes = b"report") -> bytes:
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n\r\n%b\r\n'
        % (name, file.encode(), octets)
        for file, octets in files
    ]
    return b"".join(parts) + b"--b--\r\n"


async def posted(
    service: Running, octets: bytes, kind: str = "application/gzip", target: str = "/reports"
) -> Reply:
    reply = await service.ask(request("POST", target, octets, content_type=kind))
    assert reply is not None
    check_documented("POST", "/reports", reply)
    return reply


def words(reply: Reply) -> list[tuple[str, str, str | None]]:
    return [(one["name"], one["result"], one["why"]) for one in reply.object["files"]]


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        pytest.param(PACKED, "application/gzip", id="gzip"),
        pytest.param(XML, "text/xml", id="xml"),
        pytest.param(attached(PACKED), "message/rfc822", id="mail"),
        pytest.param(PACKED, "application/xml", id="what-it-is-shows-in-its-octets"),
    ],
)
async def test_a_file_is_read_once(tmp_path: Path, octets: bytes, kind: str) -> None:
    async with running(tmp_path, uploads=uploads(tmp_path)) as service:
        first = await posted(service, octets, kind, "/reports?name=a.gz")
        second = await posted(service, octets, kind)
    assert first.status == 200
    assert words(first) == [("a.gz", "read", None)]
    assert words(second) == [("the body", "duplicate", None)]
    (report,) = first.object["files"][0]["reports"]
    assert (report["result"], report["organization"]) == ("kept", METADATA.org_name)
    with SqliteReceived(tmp_path / "r.db", make=False) as store:
        assert store.domains() == (POLICY.domain,)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        pytest.param(b"<html></html>", "no element feedback", id="other-xml"),
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(gzip_bomb(64 << 20), "expands more than", id="bomb"),
        pytest.param(b"From: a@b.example\r\n\r\nhello\r\n", "no part of it", id="a-letter"),
    ],
)
async def test_a_file_that_is_no_report_is_refused_with_the_reason(
    tmp_path: Path, octets: bytes, why: str
) -> None:
    async with running(tmp_path, uploads=uploads(tmp_path)) as service:
        reply = await posted(service, octets)
    ((_, result, told),) = words(reply)
    assert (reply.status, result) == (200, "refused")
    assert told is not None
    assert why in told


async def test_each_file_of_a_form_is_told_of(tmp_path: Path) -> None:
    files = form(("a.xml.gz", PACKED), ("b\x1b.xml", b"<a/>"), ("c.gz", PACKED))
    async with running(tmp_path, uploads=uploads(tmp_path)) as service:
        reply = await posted(service, files, "multipart/form-data; boundary=b")
    assert [(name, result) for name, result, _ in words(reply)] == [
        ("a.xml.gz", "read"), (r"b\x1b.xml", "refused"), ("c.gz", "duplicate"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "kind", "problem"),
    [
        pytest.param(b"x" * 2000, "application/gzip", "too-large", id="beyond-the-limit"),
        pytest.param(PACKED, "text/plain", "media-type", id="another-type"),
        pytest.param(b"--b--\r\n", "multipart/form-data; boundary=b", "bad-request", id="no-file"),
        pytest.param(b"--", "multipart/form-data", "bad-request", id="no-boundary"),
        pytest.param(
            form(*[("a", b"")] * (MOST_FILES + 1)), "multipart/form-data; boundary=b",
            "bad-request", id="too-many-files",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_taken_is_refused(
    tmp_path: Path, octets: bytes, kind: str, problem: str
) -> None:
    limits = ServeLimits(octets=1000 if problem == "too-large" else 1 << 20)
    async with running(tmp_path, uploads=uploads(tmp_path), limits=limits) as service:
        reply = await posted(service, octets, kind)
    assert reply.object["problem"] == problem


async def test_nobody_writes_without_a_token(tmp_path: Path) -> None:
    options: dict[str, Any] = {"tokens": (TOKEN,), "private": False}
    async with running(tmp_path, uploads=uploads(tmp_path), **options) as service:
        refused = await service.post("/reports", PACKED, content_type="application/gzip")
        taken = await service.post(
            "/reports", PACKED, content_type="application/gzip",
            authorization=f"Bearer {TOKEN.decode()}",
        )  # fmt: skip
    assert (refused.status, taken.status) == (401, 200)


async def test_without_a_store_there_is_no_such_page(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        reply = await posted(service, PACKED)
    assert (reply.status, reply.object["problem"]) == (404, "not-found")


async def test_a_store_that_cannot_be_written_is_told_to_the_client(tmp_path: Path) -> None:
    def full(file: IO[bytes], name: str) -> UploadedFileObject:
        raise StoreError("the disk is full")

    async with running(tmp_path, uploads=ReportUploads(full)) as service:
        reply = await posted(service, PACKED)
    assert (reply.status, reply.object["problem"]) == (503, "busy")
    assert "full" not in reply.body.decode()


def test_so_many_reports_of_a_file_are_told_and_all_are_counted() -> None:
    found = told_of("a", [Intake(origin="a", word="kept")] * (MOST_TOLD + 5))
    assert (found.kept, len(found.reports), found.result) == (MOST_TOLD + 5, MOST_TOLD, "read")


def test_of_a_report_so_many_problems_are_told() -> None:
    one = Intake(origin="a", word="kept", problems=tuple(map(str, range(100))))
    (report,) = told_of("a", [one]).reports
    assert len(report.problems) == 20
