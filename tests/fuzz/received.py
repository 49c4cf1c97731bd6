"""The target for reports that somebody sent: a reading or a ReportFault, whatever the octets.

Records that are read directly are what expat makes of the same octets, where the octets are cut
is invisible, and what was read can be written and is read again as the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from unittest.mock import patch

from tests.aggregates import POLICY, RECORD, REPORT, with_records
from tests.bombs import gzipped, zipped
from tests.fuzz.targets import expect
from tests.reportmails import attached, feedback

from avowal.errors import UsageError
from avowal.message import Message
from avowal.report import aggregate_plain
from avowal.report.aggregate import Disposition
from avowal.report.aggregate_reader import AggregateReader, Reading, read_aggregate
from avowal.report.aggregate_xml import write_aggregate
from avowal.report.arf import ReportFault
from avowal.report.containers import Damaged, expanded
from avowal.report.failure import read_failure_report
from avowal.report.limits import ReportLimits
from avowal.report.mail_parts import attachments
from avowal.report.tlsrpt import read_tls_report

LIMITS = ReportLimits(
    compressed_octets=1 << 20, expanded_octets=1 << 20, records=1000, results=20, names=20
)
TLS = (
    b'{"organization-name":"S","report-id":"t","date-range":{"start-datetime":"2026-11-29T00:00:00Z",'
    b'"end-datetime":"2026-11-29T23:59:59Z"},"policies":[{"policy":{"policy-type":"sts",'
    b'"policy-domain":"example.org","mx-host":["*.example.org"]},"summary":'
    b'{"total-successful-session-count":3,"total-failure-session-count":"1"},"failure-details":'
    b'[{"result-type":"certificate-expired","failed-session-count":1}]}]}'
)


def received(octets: bytes) -> None:
    """The octets are a report, as it is or wrapped, or a mail that carries one."""
    whole = _attempt(octets)
    with patch.object(aggregate_plain.PlainRecords, "read", lambda *_: None):
        expect(_attempt(octets) == whole, "both ways of reading agree")
    if isinstance(whole, Reading):
        _written_again(whole)
        expect(_in_pieces(octets) == whole.report.records, "where octets are cut is invisible")
    for read in (_expanded, read_tls_report, read_failure_report, _mail):
        try:
            read(octets)
        except (ReportFault, Damaged):
            continue


def _attempt(octets: bytes) -> Reading | str:
    try:
        return read_aggregate(octets, limits=LIMITS)
    except ReportFault as fault:
        return fault.why


def _in_pieces(octets: bytes) -> tuple[object, ...]:
    reader, records = AggregateReader(LIMITS), []
    for at in range(0, len(octets), 97):
        records += reader.feed(octets[at : at + 97])
    return (*records, *reader.finish())


def _written_again(reading: Reading) -> None:
    try:
        octets = write_aggregate(reading.report)
    except UsageError:  # it does not say what RFC 9990 wants said
        return
    again = read_aggregate(octets).report
    expect(again.key == reading.report.key, "what is written is read as the same report")
    told, kept = (
        sorted((r.source_ip, r.count, r.header_from, r.passed) for r in report.records)
        for report in (reading.report, again)
    )
    expect(told == kept, "what is written is read")


def _expanded(octets: bytes) -> object:
    return [len(piece) for piece in expanded(io.BytesIO(octets), limits=LIMITS)]


def _mail(octets: bytes) -> object:
    return [(one.name, len(one.octets)) for one in attachments(Message.from_stored(octets))]


def seeds(target: str) -> Iterator[bytes]:
    """Reports of each kind, plain, twisted, wrapped and in mails."""
    xml = write_aggregate(REPORT)
    odd = replace(RECORD, disposition=Disposition.NONE, envelope_from="", envelope_to="x")
    yield xml
    yield write_aggregate(with_records(RECORD, odd, replace(odd, source_ip="2001:db8::1")))
    yield write_aggregate(replace(REPORT, policy=replace(POLICY, fo="1")), form="7489")
    yield xml.replace(b"<row>", b"<!-- <record> --><row a='1'><![CDATA[x]]>")
    yield xml.replace(b"bounce", b"a<b&c")
    yield xml.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    yield gzipped(xml)
    yield zipped(("r.xml", xml))
    yield attached(gzipped(xml))
    yield feedback()
    yield TLS


TARGETS: dict[str, Callable[[bytes], None]] = {"received": received}
