"""Failure reports from strangers, as values: RFC 9991, RFC 6591 and RFC 6651 (all in ARF).

`arf.Report.parse` keeps to the letter of RFC 5965; this takes what receivers really send: a
report that is no multipart/report, a part in base64, Exim's text without a part for programs.
Of addresses only the domain is kept, and nothing of the reported message but its domains:
reports about persons are none of ours (RFC 9991 §6).
"""

from __future__ import annotations

import hashlib
import re
from email.utils import parsedate_to_datetime

from avowal.lists.mime import Part, part
from avowal.message import CRLF, Header, Message
from avowal.report.arf import ReportFault
from avowal.report.mail_parts import leaves
from avowal.valueclass import value

_LONGEST = 500  # characters of a value; what is longer is none
_SAID = re.compile(r"^[ \t]*+([A-Za-z ]{3,40}): ?([^\r\n]{0,500})$", re.MULTILINE)
_TEXT_NAMES = {
    "sender domain": "reported-domain",
    "sender ip address": "source-ip",
    "received date": "arrival-date",
}
_ALIGNMENTS = ("dkim", "spf")
_MOST_TEXT = 16 << 10  # octets of a text in which Exim's words are looked for


@value
class FailureReport:
    """One message that failed, or several that are alike (`incidents`).

    `organization` is the domain that sent the report; `failure` is the word of Auth-Failure,
    None where there is none; `aligned` the mechanisms that Identity-Alignment names as failed.
    """

    organization: str
    report_id: str
    domain: str
    feedback_type: str
    failure: str | None = None
    source_ip: str | None = None
    arrival: int | None = None
    delivery: str | None = None
    unaligned: tuple[str, ...] = ()
    dkim_domain: str | None = None
    dkim_selector: str | None = None
    mail_from_domain: str | None = None
    incidents: int = 1


def read_failure_report(octets: bytes) -> FailureReport:
    """Read a mail that carries a failure report.  Raises ReportFault."""
    return failure_report(Message.from_stored(octets))


def failure_report(message: Message) -> FailureReport:
    """Read a message that carries a failure report.  Raises ReportFault."""
    whole = Part(message.header, message.body)
    parts = list(leaves(whole))
    told = next((p for p in parts if p.content_type == b"message/feedback-report"), None)
    fields = _fields(told) if told is not None else _said(parts)
    if not fields:
        raise ReportFault(0, "no part message/feedback-report (RFC 5965 §2)")
    reported = _reported(parts)
    domain = fields.get("reported-domain") or _domain(reported.get("from"))
    if not domain:
        raise ReportFault(0, "the failure report names no domain (Reported-Domain)")
    outer = _texts(message.header)
    return FailureReport(
        organization=_domain(outer.get("from")) or "",
        report_id=outer.get("message-id") or hashlib.sha256(message.body).hexdigest()[:32],
        domain=domain.lower(),
        feedback_type=fields.get("feedback-type", "auth-failure").lower(),
        failure=_lower(fields.get("auth-failure")),
        source_ip=fields.get("source-ip"),
        arrival=_time(fields.get("arrival-date") or fields.get("received-date")),
        delivery=_lower(fields.get("delivery-result")),
        unaligned=_unaligned(fields),
        dkim_domain=_lower(fields.get("dkim-domain")),
        dkim_selector=fields.get("dkim-selector"),
        mail_from_domain=_domain(fields.get("original-mail-from")),
        incidents=_number(fields.get("incidents")),
    )


def _fields(told: Part) -> dict[str, str]:
    """The fields of the part for programs; some senders put an empty line before them."""
    octets = told.decoded.replace(b"\r\n", b"\n").replace(b"\n", CRLF).lstrip(CRLF)
    if b":" not in octets.partition(CRLF)[0]:  # encoded, without a field that says so
        inner = part(b"Content-Transfer-Encoding: base64\r\n\r\n" + octets)
        octets = inner.decoded.replace(b"\r\n", b"\n").replace(b"\n", CRLF)
    return _texts(Header.parse(octets.partition(CRLF + CRLF)[0]))


def _texts(header: Header) -> dict[str, str]:
    """The first field of each name, as text; values beyond a length are left out."""
    found: dict[str, str] = {}
    for field in header:
        text = b" ".join(field.value.split()).decode("utf-8", "replace")
        if 0 < len(text) <= _LONGEST:
            found.setdefault(field.name.decode("ascii", "replace"), text)
    return found


def _said(parts: list[Part]) -> dict[str, str]:
    """What Exim's report says in words; nothing where it is another text."""
    text = next((p for p in parts if p.content_type == b"text/plain"), None)
    if text is None:
        return {}
    words = text.decoded[:_MOST_TEXT].decode("utf-8", "replace").replace("\r\n", "\n")
    lines: list[tuple[str, str]] = _SAID.findall(words)
    said = {name.strip().lower(): told.strip() for name, told in lines}
    fields = {ours: said[name] for name, ours in _TEXT_NAMES.items() if said.get(name)}
    if len(fields) < len(_TEXT_NAMES):
        return {}
    failed = [one for one in _ALIGNMENTS if said.get(f"{one} alignment") == "no"]
    return fields | {"auth-failure": "dmarc", "identity-alignment": ",".join(failed)}


def _reported(parts: list[Part]) -> dict[str, str]:
    """The header of the reported message."""
    for one in parts:
        if one.content_type in (
            b"message/rfc822",
            b"text/rfc822-headers",
            b"message/rfc822-headers",
        ):
            octets = one.decoded.replace(b"\r\n", b"\n").replace(b"\n", CRLF)
            return _texts(Header.parse(octets.partition(CRLF + CRLF)[0]))
    return {}


def _unaligned(fields: dict[str, str]) -> tuple[str, ...]:
    words = fields.get("identity-alignment", "").lower().replace(" ", "").split(",")
    return tuple(one for one in _ALIGNMENTS if one in words)


def _domain(address: str | None) -> str | None:
    if address is None or "@" not in address:
        return None
    return address.rpartition("@")[2].partition(">")[0].strip(" <>\"'").lower() or None


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else int(parsedate_to_datetime(text).timestamp())
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> int:
    usable = text is not None and text.isascii() and text.isdigit() and len(text) < 10
    return max(int(text), 1) if usable and text is not None else 1
