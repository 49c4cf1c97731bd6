"""Failure reports as OpenDKIM sends them: through MTACommand, while the message is judged."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from email.utils import formatdate, parseaddr

from avowal import __version__
from avowal.canonical import BODY_FORMS, BodyForm, Octets
from avowal.dkim.hashing import header_data
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.dkim.verification import Verification
from avowal.lookup import Steps
from avowal.message import Field, Header
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.settings import Settings
from avowal.opendkim.verdict import Mail
from avowal.opendkim.wording import Judged
from avowal.report.arf import Envelope as ReportEnvelope
from avowal.report.arf import Report, auth_failure, base64_value
from avowal.report.dkim_feedback import Wanted, auth_failure_of, wanted

_MOST_BODY = 1 << 20  # octets of a canonical body that a report repeats
_MOST_HEADER = 64 << 10  # the same for the header


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
        self._bodies: dict[str, tuple[BodyForm, bytearray]] = {}
        if settings.on("SendReports"):
            for field in header.named(FIELD_NAME):
                self._prepare(field)

    @property
    def wants_body(self) -> bool:
        """Whether more of the body matters for reports."""
        return self._counts or any(len(kept) < _MOST_BODY for _, kept in self._bodies.values())

    def feed(self, chunk: Octets) -> None:
        """Take the next octets of the body."""
        self.body_octets += len(chunk)
        for form, kept in self._bodies.values():
            if len(kept) < _MOST_BODY:
                form.feed(chunk)

    def wanted(self, judged: Sequence[Judged]) -> Steps[tuple[Wanted, ...]]:
        """Ask which reports are wanted; none without SendReports."""
        if not self._bodies:
            return ()
        return (yield from wanted((one.verification for one in judged), draw=self._draw))

    def end(self) -> None:
        """End the body."""
        for form, _ in self._bodies.values():
            form.finish()

    def mails(self, reports: Sequence[Wanted]) -> tuple[Mail, ...]:
        """Compose the reports that are wanted; those without an address or a word are not."""
        return tuple(mail for report in reports if (mail := self._mail(report)) is not None)

    def _prepare(self, field: Field) -> None:
        """Keep the body in the form of a signature that asks for reports."""
        try:
            signature = Signature.parse(field)
        except SignatureFault:
            return
        if signature.tags.get("r") != b"y" or signature.body_canon in self._bodies:
            return
        kept = bytearray()
        self._bodies[signature.body_canon] = BODY_FORMS[signature.body_canon](kept.extend), kept

    def _mail(self, wanted_report: Wanted) -> Mail | None:
        verification = wanted_report.verification
        signature, failure = verification.signature, auth_failure_of(verification)
        if wanted_report.address is None or signature is None or failure is None:
            return None
        settings, job = self._settings, self._envelope.job
        sender = settings.text("ReportAddress") or f"{getpass.getuser()}@{settings.hostname}"
        blind = settings.text("ReportBccAddress")
        report = Report(
            fields=self._fields(verification, signature, failure),
            header=self._header.octets,
            text=_TEXT.format(job=job, host=self._envelope.hostname),
        )
        outer = ReportEnvelope(
            sender=sender,
            recipient=wanted_report.address,
            subject=f"DKIM failure report for {job}",
            date=self._now,
            message_id=f"{job}.{self._now}.dkimreport@{settings.hostname}",
            blind_copies=() if blind is None else (blind,),
        )
        return Mail(sender=parseaddr(sender)[1], octets=report.octets(outer))

    def _fields(
        self, verification: Verification, signature: Signature, failure: str
    ) -> tuple[tuple[str, str], ...]:
        """Return the fields of RFC 6591 §3.1, and OpenDKIM's own DKIM-Failure."""
        envelope = self._envelope
        results = (
            f"{envelope.hostname}; dkim={verification.result} "
            f"header.d={verification.domain} header.s={verification.selector}"
        )
        message_id = self._header.named(b"message-id")
        return auth_failure(
            failure=failure,
            user_agent=f"avowal/{__version__}",
            results=results,
            details=(
                ("Original-Envelope-Id", envelope.job),
                ("Original-Mail-From", f"<{envelope.sender}>"),
                ("Reporting-MTA", f"dns; {envelope.hostname}"),
                ("Source-IP", envelope.client),
                ("Message-ID", _text(message_id[0].value) if message_id else None),
                ("Arrival-Date", formatdate(self._now)),
                ("Reported-Domain", verification.domain),
                ("DKIM-Failure", failure),
                ("DKIM-Domain", verification.domain),
                ("DKIM-Selector", verification.selector),
                ("DKIM-Identity", verification.identity),
                ("DKIM-Canonicalized-Header", self._canonical_header(verification, signature)),
                ("DKIM-Canonicalized-Body", self._canonical_body(signature)),
            ),
        )

    def _canonical_header(self, verification: Verification, signature: Signature) -> str | None:
        data = header_data(
            self._header,
            signature.signed_names,
            signature.header_canon,
            signature.unsigned_field,
            place=verification.place,
        )
        return base64_value(data) if len(data) <= _MOST_HEADER else None

    def _canonical_body(self, signature: Signature) -> str | None:
        """Return the body as far as it was hashed (RFC 6591 §3.2.4); None where it is too long."""
        kept = self._bodies.get(signature.body_canon)
        if kept is None or len(kept[1]) >= _MOST_BODY:
            return None
        return base64_value(bytes(kept[1][: signature.body_length]))


_TEXT = """\
DKIM failure report for job {job} on {host}

The canonicalized form of the failed message's header and body are
attached.
"""


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", "replace")
