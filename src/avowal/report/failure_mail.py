"""The mail that carries a failure report of DMARC (RFC 9991, RFC 6591, RFC 5965)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from avowal.report.aggregation import Reporter
from avowal.report.arf import Report, ReportEnvelope, auth_failure
from avowal.report.failure_case import FailureCase
from avowal.report.failure_spool import WaitingCase

_MOST_RECORD: Final = 800  # characters of a record in SPF-DNS: a value of a report is no longer
_WORDS: Final = {
    "dmarc": "did not pass DMARC", "spf": "did not pass SPF", "signature": "has a DKIM signature"
    " that did not verify", "bodyhash": "has a DKIM signature whose body hash did not verify",
    "revoked": "has a DKIM signature by a key that is revoked",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FailureLetter:
    """A failure report of ours on its way; `incidents` counts the messages that were alike."""

    waiting: WaitingCase
    reporter: Reporter

    @property
    def domain(self) -> str:
        """The policy domain."""
        return self.waiting.case.domain

    @property
    def report_id(self) -> str:
        """What the failures have in common that it tells of."""
        return self.waiting.case.condition

    @property
    def weight(self) -> int:
        """One."""
        return 1

    @property
    def size(self) -> int:
        """About the octets of the mail."""
        return len(self.waiting.case.header) + 4096

    def octets(self, recipient: str, /, *, date: int) -> bytes:
        """Compose the mail to an address."""
        case, reporter = self.waiting.case, self.reporter
        envelope = ReportEnvelope(
            sender=reporter.email,
            recipient=recipient,
            subject=f"DMARC failure report for {case.author}",
            date=date,
            message_id=f"{case.condition}.{case.time}.failure@{reporter.domain}",
        )
        return self.report.octets(envelope)

    @property
    def report(self) -> Report:
        """The report as a value."""
        case = self.waiting.case
        fields = auth_failure(
            failure=case.failure,
            user_agent=(self.reporter.software or "avowal").replace(" ", "/"),
            results=f"{self.reporter.domain}; {case.result}",
            delivery=case.delivery,
            details=tuple(_details(case, self.waiting.incidents)),
        )
        return Report(fields=fields, header=case.header, text=self._text())

    def _text(self) -> str:
        case, incidents = self.waiting.case, self.waiting.incidents
        alike = (
            "" if incidents == 1 else f"\n{incidents} messages like it came; this was the first."
        )
        return _TEXT.format(
            host=case.host, author=case.author, what=_WORDS.get(case.failure, case.failure),
            alike=alike, left_out=case.left_out, contact=self.reporter.email,
        )  # fmt: skip


def _details(case: FailureCase, incidents: int) -> Iterator[tuple[str, str | None]]:
    """Yield the further fields of the report, in the order of RFC 6591 §3.1 and RFC 9991 §3."""
    signed = case.signature
    # none failed to produce an aligned identity: the report is of one mechanism alone
    yield "Identity-Alignment", ", ".join(case.unaligned) or "none"
    yield "Original-Envelope-Id", case.queue_id
    yield "Original-Mail-From", None if case.sender is None else f"<{case.sender}>"
    yield "Reporting-MTA", f"dns; {case.host}"
    yield "Source-IP", case.client
    yield "Arrival-Date", formatdate(case.time)
    yield "Reported-Domain", case.author
    yield "Incidents", str(incidents)
    if signed is not None:
        yield "DKIM-Domain", signed.domain
        yield "DKIM-Identity", signed.identity
        yield "DKIM-Selector", signed.selector
    for name, record in case.spf_records:
        if len(record) <= _MOST_RECORD:
            quoted = record.replace("\\", "\\\\").replace('"', '\\"')
            yield "SPF-DNS", f'txt : {name} : "{quoted}"'


_TEXT: Final = """\
{host} got a message with an author at {author}
that {what}.{alike}

The record of the domain asks for such reports (ruf=, RFC 9991). Names of mailboxes are
hidden, the same ones the same way; the body is not shown, nor are {left_out} fields of the
header that may name persons or matters. Questions: {contact}
"""
