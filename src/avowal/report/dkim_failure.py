"""What a report about a failed DKIM signature says (RFC 6591 §3, RFC 6651 §6).

`KeptBodies` keeps the body in the forms of the signatures that ask for reports while it
passes; `failure_report` composes.  Whether a report is wanted is `dkim_feedback`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate

from avowal.canonical import BODY_FORMS, BodyForm, Octets
from avowal.dkim.hashing import header_data
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.dkim.verification import Verification
from avowal.limits import DEFAULT, Limits
from avowal.message import Header
from avowal.names import DomainName
from avowal.report.arf import Report, auth_failure, base64_value
from avowal.report.dkim_feedback import Wanted, asks, auth_failure_of

MOST_BODY = 256 << 10  # octets of a canonical body that a report repeats; ours
MOST_HEADER = 64 << 10  # the same for the header


class KeptBodies:
    """The canonical bodies of signatures that ask for reports; nothing where none does.

    `domains` are those of the signatures that ask.
    """

    __slots__ = ("_bodies", "domains")

    def __init__(self, header: Header, *, limits: Limits = DEFAULT) -> None:
        self.domains: tuple[DomainName, ...] = ()
        self._bodies: dict[str, tuple[BodyForm, bytearray]] = {}
        for field in header.named(FIELD_NAME)[: limits.signatures_checked]:
            try:
                signature = Signature.parse(field, limits=limits)
            except SignatureFault:
                continue
            if asks(signature):
                self.domains += (signature.domain,)
                self._keep(signature.body_canon)

    def _keep(self, form: str) -> None:
        if form not in self._bodies:
            kept = bytearray()
            self._bodies[form] = BODY_FORMS[form](kept.extend), kept

    @property
    def wants_body(self) -> bool:
        """Whether more of the body can be repeated."""
        return any(len(kept) < MOST_BODY for _, kept in self._bodies.values())

    def feed(self, chunk: Octets) -> None:
        """Take the next octets of the body."""
        for form, kept in self._bodies.values():
            if len(kept) < MOST_BODY:
                form.feed(chunk)

    def finish(self) -> None:
        """End the body."""
        for form, _ in self._bodies.values():
            form.finish()

    def hashed(self, signature: Signature) -> bytes | None:
        """Return the body as far as it was hashed (RFC 6591 §3.2.4); None where it is too long."""
        kept = self._bodies.get(signature.body_canon)
        if kept is None or len(kept[1]) >= MOST_BODY:
            return None
        return bytes(kept[1][: signature.body_length])


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a message besides its octets; None where it is not.

    `reporter` is the name of the host that reports, `software` what runs there, as
    ``name/version``, `client` an address as text, `sender` the envelope's without brackets,
    `now` in Unix seconds.
    """

    reporter: str
    software: str
    now: int
    queue_id: str | None = None
    client: str | None = None
    sender: str | None = None
    recipients: tuple[str, ...] = ()


def failure_report(
    wanted: Wanted,
    header: Header,
    bodies: KeptBodies,
    around: Circumstances,
    *,
    text: str,
    delivery: str = "other",
    more: tuple[tuple[str, str], ...] = (),
) -> Report | None:
    """Compose the report of one failure; None where RFC 6591 has no word for the failure.

    `header` is the message's as it came, `text` what a person reads first, `delivery` a
    word of `arf.DELIVERIES`, `more` fields of the reporter's own.
    """
    verification = wanted.verification
    signature, failure = verification.signature, auth_failure_of(verification)
    if signature is None or failure is None:
        return None
    message_id = header.named(b"message-id")
    fields = auth_failure(
        failure=failure,
        user_agent=around.software,
        results=f"{around.reporter}; dkim={verification.result} "
        f"header.d={verification.domain} header.s={verification.selector}",
        delivery=delivery,
        details=(
            ("Original-Envelope-Id", around.queue_id),
            ("Original-Mail-From", None if around.sender is None else f"<{around.sender}>"),
            *(("Original-Rcpt-To", f"<{recipient}>") for recipient in around.recipients),
            ("Reporting-MTA", f"dns; {around.reporter}"),
            ("Source-IP", around.client),
            ("Message-ID", _text(message_id[0].value) if message_id else None),
            ("Arrival-Date", formatdate(around.now)),
            ("Reported-Domain", verification.domain),
            *more,
            ("DKIM-Domain", verification.domain),
            ("DKIM-Selector", verification.selector),
            ("DKIM-Identity", verification.identity),
            ("DKIM-Canonicalized-Header", _canonical_header(verification, signature, header)),
            ("DKIM-Canonicalized-Body", _base64(bodies.hashed(signature))),
        ),
    )
    return Report(fields=fields, header=header.octets, text=text)


def _canonical_header(
    verification: Verification, signature: Signature, header: Header
) -> str | None:
    data = header_data(
        header,
        signature.signed_names,
        signature.header_canon,
        signature.unsigned_field,
        place=verification.place,
    )
    return base64_value(data) if len(data) <= MOST_HEADER else None


def _base64(octets: bytes | None) -> str | None:
    return None if octets is None else base64_value(octets)


def _text(value: bytes) -> str:
    return value.strip(b" \t\r\n").decode("utf-8", "replace")
