"""Reports of failed DKIM signatures to signers who ask for them (RFC 6651).

A signature asks by r=y, its domain confirms by a record that names a local part and says
which failures are wanted.  `wanted` applies the algorithm of §3.3 to all signatures of a
message; whoever has to ask before there are verdicts takes `records` and `chosen`, its two
halves.  The verdict on the message is never touched by it.  What a report says is in
`dkim_failure`, how it is sent in `mailing`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from avowal import quoted
from avowal.dkim.reasons import Reason, Result
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.errors import SyntaxFault
from avowal.lookup import Answer, Outcome, Question, Steps, ask
from avowal.names import DomainName
from avowal.taglist import TagList, TagListFault, colon_list

ALL = "all"
KINDS = ("d", "o", "p", "s", "u", "v", "x")  # RFC 6651 §5.1
MOST_REPORTS = 5  # per message, RFC 6651 §3.3 asks for a bound
_DIGITS = 3
_DOT_ATOM = re.compile(rb"[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]+(?:\.[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]+)*")
_MOST_LOCAL = 64  # octets of a local part, RFC 5321 §4.5.3.1.1
_MOST_TEXT = 200  # characters of rs= that a reply repeats
_PRINTABLE = re.compile(r"[^ -~]")

_KIND_OF = {
    Reason.KEY_UNAVAILABLE: "d", Reason.NO_KEY: "d",
    Reason.SYNTAX: "s", Reason.VERSION: "s", Reason.MISSING_TAG: "s", Reason.KEY_SYNTAX: "s",
    Reason.BODY_HASH: "v", Reason.SIGNATURE: "v", Reason.BODY_LENGTH: "v",
    Reason.EXPIRED: "x",
}  # fmt: skip


Records: TypeAlias = Mapping[str, Answer]
"""What DNS says about reports, by name of the record."""


class ReportRecordFault(SyntaxFault):
    """Octets that are no reporting record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRecord:
    """What a domain says at ``_report._domainkey`` (RFC 6651 §3.2).

    `local_part` is None where there is no ra=: then no report is sent.  `percentage` is
    rp=, `requests` the known tokens of rr=, `text` the words for an SMTP reply (rs=).
    """

    local_part: bytes | None = None
    percentage: int = 100
    requests: frozenset[str] = frozenset((ALL,))
    text: str | None = None

    @classmethod
    def parse(cls, octets: bytes) -> ReportRecord:
        """Read a record; unknown tags and tokens are ignored.  Raises ReportRecordFault."""
        try:
            tags = TagList.parse(octets)
        except TagListFault as fault:
            raise ReportRecordFault(fault.offset, fault.why) from None
        address, text = _decoded(tags, "ra"), _decoded(tags, "rs")
        if address is not None and not _usable(address):
            raise ReportRecordFault(0, "ra= is no local part")
        rp, rr = tags.get("rp"), tags.get("rr")
        return cls(
            local_part=address,
            percentage=100 if rp is None else _percentage(rp),
            requests=frozenset((ALL,)) if rr is None else _requests(rr),
            text=None if text is None else _words(text),
        )

    def wants(self, kind: str) -> bool:
        """Whether failures of this kind are to be reported."""
        return ALL in self.requests or kind in self.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A report to be made: about which signature, of what kind, to whom.

    `address` is None where the domain wants nothing but its `text` in the SMTP reply.
    """

    verification: Verification
    kind: str
    address: str | None
    text: str | None = None


def record_name(domain: DomainName) -> str:
    """Return where the record stands (RFC 6651 §3.3 step 2)."""
    return f"_report._domainkey.{domain.ascii}"


def kind_of(verification: Verification) -> str | None:
    """Return the rr= token of a failed verification, None for one that passed (§5.1)."""
    reason = verification.reason
    if reason is None:
        return None
    kind = _KIND_OF.get(reason)
    if kind is not None:
        return kind
    return "p" if reason.result is Result.POLICY else "o"


def auth_failure_of(verification: Verification) -> str | None:
    """Return the Auth-Failure word (RFC 6591 §3.3); None where it has none for the failure."""
    reason = verification.reason
    if reason in (Reason.BODY_HASH, Reason.BODY_LENGTH):
        return "bodyhash"
    if reason is Reason.KEY_REVOKED:
        return "revoked"
    return None if reason is None else "signature"


def asks(signature: Signature) -> bool:
    """Whether a signature asks for reports: r=y, which has no other value (§3.1)."""
    return signature.tags.get("r") == b"y"


def records(domains: Iterable[DomainName]) -> Steps[Records]:
    """Ask what domains say about reports, the first `MOST_REPORTS` of them.  Raises nothing."""
    names = list(dict.fromkeys(record_name(domain) for domain in domains))[:MOST_REPORTS]
    answers = yield from ask(*(Question(name) for name in names))
    return dict(zip(names, answers, strict=True))


def chosen(
    verifications: Iterable[Verification], found: Records, *, draw: int
) -> tuple[Wanted, ...]:
    """Return which failures are to be reported (§3.3 steps 3 to 10).  Raises nothing.

    `draw` is a random number from 0 to 99.  A domain gets one report per message at most,
    the first of its failures that it wants.
    """
    failures: dict[str, list[_Failure]] = {}
    for failure in _failures(verifications):
        failures.setdefault(record_name(failure.domain), []).append(failure)
    reports = (
        _first_wanted(failures[name], answer, draw)
        for name, answer in found.items()
        if name in failures
    )
    return tuple(one for one in reports if one is not None)


def wanted(verifications: Iterable[Verification], *, draw: int) -> Steps[tuple[Wanted, ...]]:
    """Ask which failures are to be reported, as `chosen` has it.  Raises nothing."""
    verifications = tuple(verifications)
    domains = [failure.domain for failure in _failures(verifications)]
    if not domains:
        return ()
    found = yield from records(domains)
    return chosen(verifications, found, draw=draw)


class _Failure(NamedTuple):
    """A failed signature that asks for reports."""

    verification: Verification
    kind: str
    domain: DomainName


def _failures(verifications: Iterable[Verification]) -> Iterator[_Failure]:
    for verification in verifications:
        kind, signature = kind_of(verification), verification.signature
        if kind is not None and signature is not None and asks(signature):
            yield _Failure(verification, kind, signature.domain)


def _first_wanted(failures: list[_Failure], answer: Answer, draw: int) -> Wanted | None:
    if answer.outcome is not Outcome.FOUND or len(answer.records) != 1:  # §3.3 step 3
        return None
    try:
        record = ReportRecord.parse(answer.records[0])
    except ReportRecordFault:
        return None
    for verification, kind, domain in failures:
        if record.local_part is None:
            if record.text is None:
                return None
            return Wanted(verification=verification, kind=kind, address=None, text=record.text)
        if record.wants(kind) and draw < record.percentage:
            address = f"{record.local_part.decode('ascii')}@{domain.ascii}"
            return Wanted(verification=verification, kind=kind, address=address, text=record.text)
    return None


def _decoded(tags: TagList, name: str) -> bytes | None:
    value = tags.get(name)
    if value is None:
        return None
    try:
        return quoted.decode(value)
    except quoted.QuotedFault as fault:
        raise ReportRecordFault(fault.offset, f"{name}=: {fault.why}") from None


def _usable(local_part: bytes) -> bool:
    """Whether a local part can stand in an address as it is: nothing that needs quoting."""
    return len(local_part) <= _MOST_LOCAL and _DOT_ATOM.fullmatch(local_part) is not None


def _percentage(value: bytes) -> int:
    if not value.isdigit() or len(value) > _DIGITS or int(value) > 100:
        raise ReportRecordFault(0, "rp= is not a number from 0 to 100")
    return int(value)


def _requests(value: bytes) -> frozenset[str]:
    tokens = {token.decode("ascii", "replace").lower() for token in colon_list(value)}
    return frozenset(tokens & {ALL, *KINDS})


def _words(text: bytes) -> str:
    return _PRINTABLE.sub("?", text.decode("utf-8", "replace"))[:_MOST_TEXT]
