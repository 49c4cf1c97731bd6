"""The mail that carries an aggregate report (RFC 9990 §3.5): a value, and its octets.

Names are made of the report alone, so that sending it again is sending the same.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from email.utils import formatdate

from avowal.message import CRLF
from avowal.report.aggregate import AggregateReport
from avowal.report.aggregate_xml import write_compressed
from avowal.report.aggregation import CountedReport, Reporter

_LINE = 76  # characters of base64 (RFC 2045 §6.8)


def file_name(report: AggregateReport | CountedReport, reporter: Reporter) -> str:
    """Return ``receiver!policy-domain!begin!end!unique-id.xml.gz`` (RFC 9990 §3.5)."""
    told = report.metadata
    parts = (reporter.domain, report.policy.domain, told.begin, told.end, told.report_id)
    return "!".join(map(str, parts)) + ".xml.gz"


class AggregateLetter:
    """A report of ours on its way to any number of addresses.

    It is packed when its size is asked for first, and then its rows are let go.
    """

    __slots__ = ("_name", "_packed", "_report", "_reporter", "domain", "report_id", "weight")

    def __init__(self, report: AggregateReport, reporter: Reporter) -> None:
        self._report: AggregateReport | None = report
        self._reporter = reporter
        self._name = file_name(report, reporter)
        self._packed = b""
        self.domain = report.policy.domain
        self.report_id = report.metadata.report_id
        self.weight = len(report.records)

    @property
    def size(self) -> int:
        """The octets of the report in base64."""
        return len(self._octets()) * 4 // 3

    def octets(self, recipient: str, /, *, date: int) -> bytes:
        """Compose the mail to an address."""
        mail = AggregateMail(
            name=self._name,
            report_id=self.report_id,
            domain=self.domain,
            recipient=recipient,
            packed=self._octets(),
        )
        return mail.octets(self._reporter, date=date)

    def _octets(self) -> bytes:
        report, self._report = self._report, None
        if report is not None:
            self._packed = write_compressed(report)
        return self._packed


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateMail:
    """A report to one address; `packed` is its XML, compressed."""

    name: str
    report_id: str
    domain: str
    recipient: str
    packed: bytes

    def octets(self, reporter: Reporter, *, date: int) -> bytes:
        """Compose the message, in wire form and 7 bit; `date` in Unix seconds.

        Everything but Date and To is the same whenever and to whomever it is sent.
        """
        encoded = base64.b64encode(self.packed)
        lines = [encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)]
        boundary = b"report-" + hashlib.sha256(self.packed).hexdigest()[:32].encode()
        told = _TEXT.format(domain=self.domain, reporter=reporter.domain, name=self.name)
        text = told.replace("\n", "\r\n").encode()
        marker = b"--%s\r\n" % boundary
        return b"".join((
            self._header(reporter, date, boundary), CRLF,
            marker, b"Content-Type: text/plain; charset=us-ascii\r\n\r\n", text, CRLF,
            marker, _attachment(self.name), CRLF, CRLF.join(lines), CRLF,
            b"--%s--\r\n" % boundary,
        ))  # fmt: skip

    def _header(self, reporter: Reporter, date: int, boundary: bytes) -> bytes:
        to = hashlib.sha256(self.recipient.encode()).hexdigest()[:12]
        fields = (
            f"From: {reporter.email}",
            f"To: {self.recipient}",
            # RFC 9990 §3.5: the form of it is prescribed, folds included
            f"Subject: Report Domain: {self.domain}",
            f" Submitter: {reporter.domain}",
            f" Report-ID: {self.report_id}",
            f"Date: {formatdate(date)}",
            f"Message-ID: <{self.report_id}.{to}@{reporter.domain}>",
            "Auto-Submitted: auto-generated",  # RFC 3834 §5: nobody is to answer
            "MIME-Version: 1.0",
            f'Content-Type: multipart/mixed;\r\n boundary="{boundary.decode()}"',
        )
        return "".join(f"{field}\r\n" for field in fields).encode()


def _attachment(name: str) -> bytes:
    quoted = f'"{name}"'
    return (
        f"Content-Type: application/gzip;\r\n name={quoted}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n filename={quoted}\r\n"
    ).encode()


_TEXT = """\
This is a DMARC aggregate report (RFC 9990) about mail from {domain},
as {reporter} received it. The record at _dmarc.{domain} asks for it.

{name}
"""
