r"""Feedback reports in the Abuse Reporting Format (RFC 5965), auth-failure ones (RFC 6591).

A report is a value; `octets` composes the message that carries it, `Report.parse` reads
one.  Every value passes `_word`, so that no header field of a stranger can add one of its own.
Who may get a report, and whether one is wanted, is decided elsewhere (`dkim_feedback`).

>>> report = Report(fields=(("Feedback-Type", "abuse"), ("User-Agent", "x/1"), ("Version", "1")),
...                 header=b"From: a@example.com\r\n", text="Spam.")
>>> Report.parse(report.octets(ReportEnvelope(sender="a@r.example", recipient="b@s.example",
...     subject="Hi", date=0, message_id="1@r.example"))).value("Feedback-Type")
'abuse'
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate

from avowal._fast import bare_break
from avowal.errors import SyntaxFault
from avowal.message import CRLF, Header, Message

VERSION = "1"  # RFC 5965 §3.1
TYPES = ("abuse", "fraud", "virus", "other", "not-spam", "auth-failure")  # IANA
FAILURES = ("adsp", "bodyhash", "revoked", "signature", "spf", "dmarc")  # RFC 6591 §3.3, RFC 9991
DELIVERIES = ("delivered", "spam", "policy", "reject", "other")  # RFC 6591 §3.2.2
_DELIVERY_OF = {"accept": "delivered", "reject": "reject", "tempfail": "other", "discard": "policy"}
_REQUIRED = ("Feedback-Type", "User-Agent", "Version")
_ONCE = (
    "feedback-type", "user-agent", "version", "original-envelope-id", "original-mail-from",
    "arrival-date", "received-date", "reporting-mta", "source-ip", "incidents",
    "auth-failure", "delivery-result", "source-port",
)  # fmt: skip
_UNWRITABLE = re.compile(r"[^ -~]")
_NAME = re.compile(rb"[!-9;-~]+")
_BASE64_LINE = 72  # octets of base64 in a line behind its fold
_LONGEST_LINE = 998  # octets, RFC 5322 §2.1.1
_LONGEST = 900  # characters of a value: a line stays below 998 octets
_MAX_PARTS = 64  # of a report that is read; three are needed


class ReportFault(SyntaxFault):
    """Octets that are no feedback report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEnvelope:
    """The message around a report: addresses as they stand in its header, `date` Unix seconds."""

    sender: str
    recipient: str
    subject: str
    date: int
    message_id: str
    blind_copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One feedback report (RFC 5965 §2).

    `fields` are those of the machine-readable part, in order; `header` the header section
    of the reported message, with CRLF line ends; `original` its body too where it is sent
    whole; `text` what a person reads first.
    """

    fields: tuple[tuple[str, str], ...]
    header: bytes
    text: str = ""
    original: bytes | None = None

    def value(self, name: str) -> str | None:
        """Return the value of a field, the first of several."""
        return next((value for known, value in self.fields if known.lower() == name.lower()), None)

    def octets(self, envelope: ReportEnvelope) -> bytes:
        """Compose the message, in wire form and 7 bit (RFC 5965 §7.1)."""
        third = self._third_part()
        second = b"".join(_field(name, value) for name, value in self.fields)
        first = "".join(f"{_word(line)}\r\n" for line in self.text.splitlines()).encode()
        boundary = _boundary(first, second, third)
        marker = b"--%s\r\n" % boundary
        return b"".join((
            _outer_header(envelope, boundary), CRLF,
            marker, b"Content-Type: text/plain; charset=us-ascii\r\n\r\n", first, CRLF,
            marker, b"Content-Type: message/feedback-report\r\n\r\n", second, CRLF,
            marker, third, CRLF,
            b"--%s--\r\n" % boundary,
        ))  # fmt: skip

    def _third_part(self) -> bytes:
        whole = self.original is not None
        content = self.header + CRLF + (self.original or b"") if whole else self.header
        kind = b"message/rfc822" if whole else b"text/rfc822-headers"
        if content.isascii() and (whole or _is_plain(content)):
            return b"Content-Type: %s\r\n\r\n%s" % (kind, content)
        if whole:  # a message inside a message is never encoded (RFC 2046 §5.2.1)
            encoding, written = b"8bit", content
        else:
            encoding, written = b"base64", base64.encodebytes(content).replace(b"\n", CRLF)
        return b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (
            kind, encoding, written,
        )  # fmt: skip

    @classmethod
    def parse(cls, octets: bytes) -> Report:
        """Read a report (RFC 5965 §4: malformed ones are refused).  Raises ReportFault."""
        message = Message.parse(octets)
        kind = message.header.named(b"content-type")
        parameters = _parameters(kind[0].value if kind else b"")
        if parameters.get(b"report-type", b"").lower() != b"feedback-report":
            raise ReportFault(0, "not a multipart/report of type feedback-report")
        parts = _parts(message.body, parameters.get(b"boundary", b""))
        if len(parts) < 3:
            raise ReportFault(0, f"{len(parts)} parts; a report has three")
        section = parts[1].body
        fields = tuple(
            (
                field.raw[: field.colon].decode("ascii", "replace"),
                b" ".join(field.value.split()).decode("utf-8", "replace"),
            )
            for field in Header.parse(section.partition(b"\r\n\r\n")[0])
            if field.colon > 0
        )
        _refuse_malformed(fields)
        third = parts[2]
        if b"message/rfc822" in _kind(third):
            reported = Message.parse(third.body)
            return cls(
                fields=fields, header=reported.header.octets, text=_text(parts[0]),
                original=reported.body,
            )  # fmt: skip
        return cls(fields=fields, header=_content(third), text=_text(parts[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMail:
    """A report on its way, and the message around it."""

    report: Report
    envelope: ReportEnvelope


def auth_failure(
    *,
    failure: str,
    user_agent: str,
    results: str,
    details: Sequence[tuple[str, str | None]] = (),
    delivery: str = "other",
) -> tuple[tuple[str, str], ...]:
    """Return the fields of an auth-failure report in the order of RFC 6591 §3.1.

    `results` is the payload of Authentication-Results, with the result of one method only;
    of `details` those that are None are left out.
    """
    if failure not in FAILURES or delivery not in DELIVERIES:
        raise ReportFault(0, f"{failure}/{delivery} is in no registry (RFC 6591 §3.2.2, §3.3)")
    fields = [
        ("Feedback-Type", "auth-failure"),
        ("User-Agent", user_agent),
        ("Version", VERSION),
        ("Auth-Failure", failure),
        ("Authentication-Results", results),
        ("Delivery-Result", delivery),
    ]
    fields += [(name, value) for name, value in details if value is not None]
    return tuple(fields)


def delivery_of(disposition: str, *, held: bool) -> str:
    """Return the word of Delivery-Result for what was done with a message (RFC 6591 §3.2.2).

    `disposition` is accept, reject, tempfail or discard; `held`: for somebody to look at.
    """
    return "policy" if held else _DELIVERY_OF[disposition]


def base64_value(octets: bytes) -> str:
    """Return octets in base64, with spaces where the field may be folded."""
    text = base64.b64encode(octets).decode()
    return " ".join(text[at : at + _BASE64_LINE] for at in range(0, len(text), _BASE64_LINE))


def _outer_header(envelope: ReportEnvelope, boundary: bytes) -> bytes:
    fields = [
        ("From", envelope.sender),
        ("To", envelope.recipient),
        *(("Bcc", address) for address in envelope.blind_copies),
        ("Subject", envelope.subject),
        ("Date", formatdate(envelope.date)),
        ("Message-ID", f"<{envelope.message_id}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834 §5: nobody is to answer
        ("MIME-Version", "1.0"),
    ]
    kind = (
        b"Content-Type: multipart/report; report-type=feedback-report;\r\n"
        b'\tboundary="%s"\r\n' % boundary
    )
    return b"".join(_field(name, value) for name, value in fields) + kind


def _field(name: str, value: str) -> bytes:
    """Write one field; folds stand where the value has spaces and a line would get long."""
    line = f"{name}:"
    lines = []
    for word in _word(value).split(" "):
        if len(line) + 1 + len(word) > 78 and line.strip():
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join((*lines, line)).encode() + CRLF


def _word(text: str) -> str:
    cleaned = _UNWRITABLE.sub("?", text.replace("\t", " "))
    return " ".join(piece[:_LONGEST] for piece in cleaned.split(" ") if piece)


def _boundary(*parts: bytes) -> bytes:
    """Return a boundary that stands in none of the parts, the same for the same report."""
    digest = hashlib.sha256(b"\0".join(parts))
    while any(digest.hexdigest()[:32].encode() in part for part in parts):
        digest.update(b"again")
    return b"report-" + digest.hexdigest()[:32].encode()


def _is_plain(content: bytes) -> bool:
    """Whether mail carries octets as they are: lines of text that are not too long (RFC 2045 §2.7).

    What a stranger wrote may hold a bare CR or LF: servers differ on whether that ends a line.
    """
    lines = content.split(CRLF)
    return (
        bare_break(content) < 0 and b"\0" not in content and max(map(len, lines)) <= _LONGEST_LINE
    )


def _refuse_malformed(fields: Sequence[tuple[str, str]]) -> None:
    names = [name.lower() for name, _ in fields]
    for name in _REQUIRED:
        if name.lower() not in names:
            raise ReportFault(0, f"there is no {name} (RFC 5965 §3.1)")
    for name in _ONCE:
        if names.count(name) > 1:
            raise ReportFault(0, f"{name} stands there {names.count(name)} times")
    if "arrival-date" in names and "received-date" in names:
        raise ReportFault(0, "both Arrival-Date and Received-Date (RFC 5965 §3.2)")


def _parameters(value: bytes) -> dict[bytes, bytes]:
    """Read the parameters of a Content-Type; quoted values lose their quotes."""
    pairs = (item.partition(b"=") for item in value.split(b";")[1:])
    return {name.strip(b" \t\r\n").lower(): text.strip(b' \t\r\n"') for name, _, text in pairs}


def _parts(body: bytes, boundary: bytes) -> list[Message]:
    if not boundary:
        raise ReportFault(0, "the multipart has no boundary")
    pieces = (CRLF + body).split(CRLF + b"--" + boundary, _MAX_PARTS)[1:]
    kept = [piece for piece in pieces if not piece.startswith(b"--")]
    return [Message.parse(piece.lstrip(b" \t").removeprefix(CRLF)) for piece in kept]


def _kind(part: Message) -> bytes:
    named = part.header.named(b"content-type")
    return named[0].value.strip().lower() if named else b"text/plain"


def _content(part: Message) -> bytes:
    encoding = part.header.named(b"content-transfer-encoding")
    if encoding and encoding[0].value.strip().lower() == b"base64":
        try:
            return base64.b64decode(part.body)
        except ValueError as error:
            raise ReportFault(0, f"the reported header is no base64: {error}") from None
    return part.body


def _text(part: Message) -> str:
    return part.body.decode("utf-8", "replace").replace("\r\n", "\n")
