"""Vouch By Reference (RFC 5518): does somebody this receiver trusts vouch for the sender?

Only certifiers on the receiver's own list are asked (§5, §8), and only for a domain that a
signature or SPF authenticated (§7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Steps
from avowal.members import refuse_single
from avowal.message import Field, Header
from avowal.names import DomainName, NameFault
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.memory import Memory, failure_text
from avowal.policy.result import PolicyResult
from avowal.policy.trace import Notes, Trace, excerpt

FIELD_NAME = b"vbr-info"
TYPES = ("all", "list", "transaction")  # §6
_FWS = b" \t\r\n"
_WORDS = re.compile(rb"[a-z][a-z ]*+(?<! )")  # §5: lower-case words between spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """One VBR-Info field: md=, mc= and the certifiers of mv=."""

    domain: DomainName
    content: str
    certifiers: tuple[DomainName, ...]

    @classmethod
    def parse(cls, value: bytes) -> Info | None:
        """Read a field's value; None when one of the three is missing or wrong (§4)."""
        elements: dict[bytes, bytes] = {}
        for written in value.split(b";"):
            name, equals, element = written.strip(_FWS).partition(b"=")
            if equals:
                elements.setdefault(name.lower(), element.strip(_FWS))
        content = elements.get(b"mc", b"").lower().decode("ascii", "replace")
        if content not in TYPES:
            return None
        try:
            domain = DomainName.parse(elements.get(b"md", b""))
            certifiers = tuple(map(DomainName.parse, elements.get(b"mv", b"").split(b":")))
        except NameFault:
            return None
        return cls(domain=domain, content=content, certifiers=certifiers)

    def field(self) -> Field:
        """Write the field; it belongs directly below the signature that covers it (§7.1)."""
        certifiers = ":".join(certifier.ascii for certifier in self.certifiers)
        text = f"VBR-Info: md={self.domain.ascii}; mc={self.content};\r\n\tmv={certifiers};"
        return Field.of(text.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """What one certifier said about one domain."""

    domain: DomainName
    certifier: DomainName
    content: str
    result: PolicyResult
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vbr:
    """The result for a message; `decisive` gives header.md and header.mv (RFC 6212 §4)."""

    result: PolicyResult
    decisive: Voucher | None = None
    vouchers: tuple[Voucher, ...] = ()
    trace: Trace = ()


def query_name(domain: DomainName, certifier: DomainName) -> str:
    """Return where a certifier vouches for a domain (§5)."""
    return f"{domain.ascii}._vouch.{certifier.ascii}"


def vouches(octets: bytes, content: str) -> bool:
    """Whether a certifier's record covers a type of content (§5)."""
    if _WORDS.fullmatch(octets) is None:
        return False
    words = octets.split()
    return b"all" in words or content.encode() in words


def evaluate(
    header: Header,
    signatures: Iterable[SignatureResult],
    envelope: EnvelopeResult | None,
    certifiers: Iterable[DomainName],
    *,
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Vbr]:
    """Evaluate a message, all questions in one round.  Raises nothing."""
    refuse_single("certifiers", certifiers, DomainName)
    notes = Notes("vbr")
    infos = _infos(header, notes, limits)
    if len({info.content for info in infos}) > 1:  # §4, RFC 6212 §4
        notes.add("concluded", "fail", "fields with different mc=")
        return Vbr(result=PolicyResult.FAIL, trace=notes.steps)
    trusted = {certifier.ascii for certifier in certifiers}
    pairs = _pairs(infos, _authenticated(signatures, envelope, notes), trusted, notes)
    if not pairs:
        notes.add("concluded", "none", "nothing to ask")
        return Vbr(result=PolicyResult.NONE, trace=notes.steps)
    capped = pairs[: limits.vbr_questions]
    shared = Memory() if memory is None else memory
    names = [query_name(info.domain, certifier) for info, certifier in capped]
    answers = yield from shared.txt(*names)
    found = tuple(
        _judged(info, certifier, answer, notes)
        for (info, certifier), answer in zip(capped, answers, strict=True)
    )
    order = (PolicyResult.PASS, PolicyResult.TEMPERROR, PolicyResult.PERMERROR, PolicyResult.FAIL)
    decisive = min(found, key=lambda voucher: order.index(voucher.result))
    notes.add("concluded", decisive.result.value, decisive.why)
    return Vbr(result=decisive.result, decisive=decisive, vouchers=found, trace=notes.steps)


def _infos(header: Header, notes: Notes, limits: Limits) -> list[Info]:
    infos = []
    fields = header.named(FIELD_NAME)
    if len(fields) > limits.vbr_fields:
        notes.add("skipped", f"{len(fields) - limits.vbr_fields} fields", "over the limit")
    for field in fields[: limits.vbr_fields]:
        info = Info.parse(field.value)
        if info is None:
            notes.add("discarded", "VBR-Info", excerpt(field.value))
        else:
            infos.append(info)
    return infos


def _authenticated(
    signatures: Iterable[SignatureResult], envelope: EnvelopeResult | None, notes: Notes
) -> set[str]:
    """The domains whose use is valid (§7.1, §7.3)."""
    names = set()
    for signature in signatures:
        if signature.passed:
            names.add(signature.auid.domain.ascii)
            if signature.signed_names and FIELD_NAME not in signature.signed_names:
                notes.add("unaligned", f"d={signature.domain.ascii}", "does not cover VBR-Info")
    if envelope is not None and envelope.passed and envelope.domain is not None:
        names.add(envelope.domain.ascii)
    return names


def _pairs(
    infos: list[Info], authenticated: set[str], trusted: set[str], notes: Notes
) -> list[tuple[Info, DomainName]]:
    pairs: dict[tuple[str, str], tuple[Info, DomainName]] = {}
    for info in infos:
        if info.domain.ascii not in authenticated:
            notes.add("discarded", f"md={info.domain.ascii}", "not authenticated")
            continue
        for certifier in info.certifiers:
            if certifier.ascii in trusted:
                pairs.setdefault((info.domain.ascii, certifier.ascii), (info, certifier))
            else:
                notes.add("skipped", f"mv={certifier.ascii}", "not trusted here")
    return list(pairs.values())


def _judged(info: Info, certifier: DomainName, answer: Answer, notes: Notes) -> Voucher:
    name = query_name(info.domain, certifier)
    if answer.outcome is Outcome.FAILED:
        result, why = PolicyResult.TEMPERROR, failure_text(answer)
        notes.add("failed", name, why)
    elif len(answer.records) > 1:  # §5: a VBR record is one TXT record
        result, why = PolicyResult.PERMERROR, "several records"
        notes.add("discarded", name, why)
    elif answer.records and vouches(answer.records[0], info.content):
        result, why = PolicyResult.PASS, f"{certifier.ascii} vouches for {info.domain.ascii}"
        notes.add("found", name, excerpt(answer.records[0]))
    else:
        result, why = PolicyResult.FAIL, f"{certifier.ascii} does not vouch for {info.domain.ascii}"
        notes.add("absent", name)
    return Voucher(
        domain=info.domain, certifier=certifier, content=info.content, result=result, why=why
    )
