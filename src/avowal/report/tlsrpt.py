"""Reports of SMTP TLS (RFC 8460): how sessions to a domain's mail servers fared, as values.

They come as JSON, once a day, from who sends mail to the domain.  Members of the JSON that are
not known are passed over; what is of another type than the RFC has is a ReportFault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from avowal.dates import LAST_SECOND
from avowal.report.arf import ReportFault
from avowal.report.limits import DEFAULT, ReportLimits
from avowal.text import whole
from avowal.valueclass import value

_SHOWN = 40


@value
class TlsFailure:
    """Sessions that failed alike (RFC 8460 §4.3); `result_type` is a word of its registry."""

    result_type: str
    sessions: int
    sending_ip: str | None = None
    receiving_host: str | None = None
    receiving_ip: str | None = None
    reason: str | None = None


@value
class TlsPolicy:
    """How sessions fared under one policy: sts, tlsa or no-policy-found (RFC 8460 §4.2)."""

    type: str
    domain: str
    successful: int
    failed: int
    mx_hosts: tuple[str, ...] = ()
    failures: tuple[TlsFailure, ...] = ()


@value
class TlsReport:
    """One report; times are Unix seconds."""

    organization: str
    report_id: str
    begin: int
    end: int
    contact: str | None
    policies: tuple[TlsPolicy, ...]


def read_tls_report(octets: bytes, *, limits: ReportLimits = DEFAULT) -> TlsReport:
    """Read a report: JSON, not compressed.  Raises ReportFault."""
    if len(octets) > limits.json_octets:
        raise ReportFault(len(octets), f"more than {limits.json_octets} octets of JSON")
    try:
        found = json.loads(octets)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ReportFault(0, f"the JSON is broken: {error}") from None
    except (ValueError, RecursionError):  # what Python says of it is for who writes programs
        raise ReportFault(0, "the JSON nests too deep, or has a number too long to read") from None
    top = _Object(found, "the report")
    times = top.object("date-range")
    policies = tuple(_policies(top, limits))
    if not policies:
        raise ReportFault(0, "no policies: this is no report of SMTP TLS")
    return TlsReport(
        organization=top.text("organization-name"), report_id=top.text("report-id"),
        begin=times.time("start-datetime"), end=times.time("end-datetime"),
        contact=top.maybe("contact-info"), policies=policies,
    )  # fmt: skip


class _Object:
    """A JSON object whose members have to be of a type."""

    __slots__ = ("_members", "_name")

    def __init__(self, found: object, name: str) -> None:
        if not isinstance(found, dict):
            raise ReportFault(0, f"{name} is no JSON object")
        self._members: dict[str, object] = found
        self._name = name

    def text(self, member: str) -> str:
        found = self.maybe(member)
        if found is None:
            raise ReportFault(0, f"{self._name} has no {member} (RFC 8460 §4.4)")
        return found

    def maybe(self, member: str) -> str | None:
        found = self._members.get(member)
        if not isinstance(found, str):
            return None
        if len(found) > DEFAULT.text_octets:
            raise ReportFault(0, f"{member} is longer than {DEFAULT.text_octets} characters")
        return whole(found).strip() or None

    def object(self, member: str) -> _Object:
        return _Object(self._members.get(member), member)

    def each(self, member: str, most: int) -> Iterator[_Object]:
        found = self._members.get(member) or []
        if not isinstance(found, list):
            raise ReportFault(0, f"{member} is no list")
        if len(found) > most:
            raise ReportFault(0, f"more than {most} {member}")
        return (_Object(one, member) for one in found)

    def texts(self, member: str, most: int) -> tuple[str, ...]:
        found = self._members.get(member)
        listed = found if isinstance(found, list) else [found]
        return tuple(whole(one) for one in listed[:most] if isinstance(one, str))

    def number(self, member: str) -> int:
        found = self._members.get(member, 0)
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 16:
            found = int(found)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 10**15:
            raise ReportFault(0, f"{member} {str(found)[:_SHOWN]!r} is no number of sessions")
        return found

    def time(self, member: str) -> int:
        written = self.text(member)
        try:
            found = datetime.fromisoformat(written)
            seconds = int(found.replace(tzinfo=found.tzinfo or UTC).timestamp())
        except (ValueError, OverflowError):
            seconds = -1
        if not 0 <= seconds <= LAST_SECOND:
            raise ReportFault(0, f"{member} {written[:_SHOWN]!r} is no time")
        return seconds


def _policies(top: _Object, limits: ReportLimits) -> Iterator[TlsPolicy]:
    for one in top.each("policies", limits.results):
        policy, summary = one.object("policy"), one.object("summary")
        yield TlsPolicy(
            type=policy.text("policy-type"), domain=policy.text("policy-domain").lower(),
            successful=summary.number("total-successful-session-count"),
            failed=summary.number("total-failure-session-count"),
            mx_hosts=policy.texts("mx-host", limits.results),
            failures=tuple(
                TlsFailure(
                    result_type=failure.text("result-type"),
                    sessions=failure.number("failed-session-count"),
                    sending_ip=failure.maybe("sending-mta-ip"),
                    receiving_host=failure.maybe("receiving-mx-hostname"),
                    receiving_ip=failure.maybe("receiving-ip"),
                    reason=failure.maybe("failure-reason-code"),
                )
                for failure in one.each("failure-details", limits.names)
            ),
        )  # fmt: skip
