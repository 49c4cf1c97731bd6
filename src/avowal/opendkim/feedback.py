"""Failure reports as OpenDKIM sends them: through MTACommand, while the message is judged."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from email.utils import parseaddr

from avowal import __version__
from avowal.canonical import Octets
from avowal.lookup import Steps
from avowal.message import Header
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.results import Judged
from avowal.opendkim.settings import Settings
from avowal.opendkim.verdict import Mail
from avowal.report.arf import ReportEnvelope
from avowal.report.dkim_failure import Circumstances, KeptBodies, failure_report
from avowal.report.dkim_feedback import Wanted, auth_failure_of, wanted


class Feedback:
    """Keeps what a report will need while the body passes: nothing where none can be wanted."""

    def __init__(
        self, settings: Settings, envelope: Envelope, header: Header, *, now: int, draw: int
    ) -> None:
        self._settings = settings
        self._envelope = envelope
        self._header = header
        self._now = now
        self._draw = draw
        self._counts = settings.conf.setting("Minimum") is not None
        self.body_octets = 0
        self._bodies = KeptBodies(header) if settings.on("SendReports") else None

    @property
    def wants_body(self) -> bool:
        """Whether more of the body matters for reports."""
        return self._counts or (self._bodies is not None and self._bodies.wants_body)

    def feed(self, chunk: Octets) -> None:
        """Take the next octets of the body."""
        self.body_octets += len(chunk)
        if self._bodies is not None:
            self._bodies.feed(chunk)

    def wanted(self, judged: Sequence[Judged]) -> Steps[tuple[Wanted, ...]]:
        """Ask which reports are wanted; none without SendReports."""
        if self._bodies is None:
            return ()
        return (yield from wanted((one.verification for one in judged), draw=self._draw))

    def end(self) -> None:
        """End the body."""
        if self._bodies is not None:
            self._bodies.finish()

    def mails(self, reports: Sequence[Wanted]) -> tuple[Mail, ...]:
        """Compose the reports that are wanted; those without an address or a word are not."""
        if self._bodies is None:
            return ()
        mails = (self._mail(report, self._bodies) for report in reports)
        return tuple(mail for mail in mails if mail is not None)

    def _mail(self, report: Wanted, bodies: KeptBodies) -> Mail | None:
        settings, envelope = self._settings, self._envelope
        failure = auth_failure_of(report.verification)
        around = Circumstances(
            reporter=envelope.hostname,
            software=f"avowal/{__version__}",
            now=self._now,
            queue_id=envelope.job,
            client=envelope.client,
            sender=envelope.sender,
        )
        composed = failure_report(
            report,
            self._header,
            bodies,
            around,
            text=_TEXT.format(job=envelope.job, host=envelope.hostname),
            more=() if failure is None else (("DKIM-Failure", failure),),  # OpenDKIM's own
        )
        if report.address is None or composed is None:
            return None
        sender = settings.text("ReportAddress") or f"{getpass.getuser()}@{settings.hostname}"
        blind = settings.text("ReportBccAddress")
        outer = ReportEnvelope(
            sender=sender,
            recipient=report.address,
            subject=f"DKIM failure report for {envelope.job}",
            date=self._now,
            message_id=f"{envelope.job}.{self._now}.dkimreport@{settings.hostname}",
            blind_copies=() if blind is None else (blind,),
        )
        return Mail(sender=parseaddr(sender)[1], octets=composed.octets(outer))


_TEXT = """\
DKIM failure report for job {job} on {host}

The canonicalized form of the failed message's header and body are
attached.
"""
