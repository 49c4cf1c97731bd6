"""What is known of a sender: from an authenticated message, or from what a domain publishes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.reasons import Result
from avowal.examine.authentication import Authentication
from avowal.message import Header
from avowal.policy.dmarc.result import DomainEvaluation, Evaluation
from avowal.policy.spf.macros import SpfSyntaxFault
from avowal.policy.spf.record import read_record
from avowal.policy.survey import Survey
from avowal.requirements.model import MailFacts, PassingSignature, SenderFacts

# RFC 5322 §3.6: these stand once at most.
_ONCE = (
    b"date", b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"message-id", b"in-reply-to",
    b"references", b"subject",
)  # fmt: skip
_UNSUBSCRIBE, _POST = b"list-unsubscribe", b"list-unsubscribe-post"
_URI = re.compile(rb"<([^<>]*)>")
_FWS = re.compile(rb"[ \t\r\n]+")
_ONE_CLICK = b"list-unsubscribe=one-click"  # RFC 8058 §3.1
_MESSAGE_ID = re.compile(rb"<[^<>@ \t\r\n]+@[^<>@ \t\r\n]+>")


def of_message(found: Authentication, *, marketing: bool = False) -> SenderFacts:
    """Return what a message tells, authenticated with DMARC and, where it can be, SPF."""
    findings = found.findings
    dmarc = None if findings.policies is None else findings.policies.dmarc
    decisive = None if dmarc is None else dmarc.decisive
    authors = findings.authors
    mail = MailFacts(
        author_domains=() if authors is None else tuple(one.ascii for one in authors.domains),
        authors=0 if authors is None else len(authors.mailboxes),
        signatures=tuple(_signatures(found, decisive)),
        temporary=any(one.result is Result.TEMPERROR for one in findings.dkim),
        spf=None if findings.envelope is None else findings.envelope.result,
        spf_aligned=decisive is not None and decisive.spf_aligned,
        dmarc="none" if dmarc is None else dmarc.result.value,
        unsubscribe=tuple(_unsubscribe(found.header)),
        one_click=_is_one_click(found.header),
        repeated=tuple(_repeated(found.header)),
        message_id=_has_message_id(found.header),
    )
    record = None if decisive is None else decisive.record
    return SenderFacts(
        dmarc_policy=_policy(dmarc, decisive),
        dmarc_reports=None if decisive is None else bool(record and record.rua),
        mail=mail,
        marketing=marketing,
    )


def _policy(dmarc: Evaluation | None, decisive: DomainEvaluation | None) -> str | None:
    if dmarc is None or decisive is None or dmarc.unknown:
        return None
    return "" if decisive.policy is None else decisive.policy.value


def _signatures(
    found: Authentication, decisive: DomainEvaluation | None
) -> Iterator[PassingSignature]:
    alignments = () if decisive is None else decisive.alignments
    aligned = {one.domain.ascii for one in alignments if one.mechanism == "dkim" and one.aligned}
    for one in found.findings.dkim:
        signature = one.signature
        if signature is None or not one.passed or (one.key is not None and one.key.testing):
            continue
        yield PassingSignature(
            domain=signature.domain.ascii,
            bits=None if one.evidence is None else one.evidence.key_bits,
            key_type=ALGORITHMS[signature.algorithm].key_type,
            aligned=signature.domain.ascii in aligned,
            covers_unsubscribe={_UNSUBSCRIBE, _POST} <= {*signature.signed_names},
        )


def _values(header: Header, name: bytes) -> Iterator[bytes]:
    for field in header.named(name):
        yield _FWS.sub(b" ", field.value).strip(b" ")


def _unsubscribe(header: Header) -> Iterator[str]:
    """Yield the URIs of List-Unsubscribe (RFC 2369 §2)."""
    for value in _values(header, _UNSUBSCRIBE):
        uris: list[bytes] = _URI.findall(value)
        for uri in uris:
            yield uri.replace(b" ", b"").decode("ascii", "replace")


def _is_one_click(header: Header) -> bool:
    return [value.lower() for value in _values(header, _POST)] == [_ONE_CLICK]


def _repeated(header: Header) -> Iterator[str]:
    for name in _ONCE:
        if len(header.positions.get(name, ())) > 1:
            yield name.decode("ascii").title()


def _has_message_id(header: Header) -> bool:
    values = list(_values(header, b"message-id"))
    return len(values) == 1 and _MESSAGE_ID.fullmatch(values[0]) is not None


def of_domain(
    survey: Survey, *, rsa_bits: tuple[int, ...] = (), keys: int | None = None
) -> SenderFacts:
    """Return what a domain publishes; the keys are those that the caller looked at."""
    failed = {failure.name for failure in survey.failures}
    spf = survey.at("spf")
    policy, reports = _published(survey)
    return SenderFacts(
        spf_record=None if spf.name in failed else _is_usable(spf.records),
        dmarc_policy=policy,
        dmarc_reports=reports,
        rsa_bits=rsa_bits,
        keys=keys,
    )


def _is_usable(records: tuple[bytes, ...]) -> bool:
    """Whether receivers can use what is published: one record that can be read (RFC 7208 §4.5)."""
    if len(records) != 1:
        return False
    try:
        read_record(records[0])
    except SpfSyntaxFault:
        return False
    return True


def _published(survey: Survey) -> tuple[str | None, bool | None]:
    """Return the policy for mail of the domain itself, and whether reports are asked for."""
    walk = survey.walk
    if walk is None:
        return None, None
    record = walk.at(survey.domain.ascii)
    if record is not None and record.p is not None:
        return record.p.value, bool(record.rua)
    record = walk.at(walk.organizational_domain)
    policy = None if record is None else record.sp or record.p
    if record is None or policy is None:
        return "", False
    return policy.value, bool(record.rua)
