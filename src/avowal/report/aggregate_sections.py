"""From the texts of elements to the values of a report, section by section.

Each function takes the texts of one section by the names of their elements.  Names that are
domains come in lower case, addresses in their usual form.  What a record cannot do without and
what cannot be true raises RecordFault; of metadata and policy likewise, since without them
nobody knows whose report it is.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from avowal.dates import LAST_SECOND
from avowal.report.aggregate import (
    Aligned,
    Disposition,
    DkimAuthResult,
    PolicyOverrideReason,
    PolicyPublished,
    Record,
    ReportMetadata,
    SpfAuthResult,
)
from avowal.report.aggregate_words import (
    ALIGNED,
    DISPOSITIONS,
    DKIM_RESULTS,
    METHODS,
    OVERRIDES,
    POLICIES,
    SPF_RESULTS,
    Note,
)

Texts = Mapping[str, str]
_SHOWN = 40  # characters of a stranger's text in a sentence
_MOST_DIGITS = 15
_MAPPED = "::ffff:"  # an IPv4 address as a socket of both kinds shows it (RFC 4291 §2.5.5.2)


class RecordFault(Exception):
    """Why a section of a report cannot be used."""


class Evaluated(NamedTuple):
    """The section policy_evaluated."""

    disposition: Disposition | None
    dkim: Aligned | None
    spf: Aligned | None
    reasons: tuple[PolicyOverrideReason, ...]


class Identifiers(NamedTuple):
    """The section identifiers."""

    header_from: str
    envelope_from: str | None
    envelope_to: str | None


class AuthResults(NamedTuple):
    """The section auth_results."""

    dkim: tuple[DkimAuthResult, ...]
    spf: tuple[SpfAuthResult, ...]


def address(text: str | None) -> str:
    """Return an IP address in its usual form.  Raises RecordFault."""
    if text is None:
        raise RecordFault("there is no source_ip")
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        usual = socket.inet_ntop(family, socket.inet_pton(family, text.strip("[]")))
    except (OSError, ValueError):  # ValueError: no ASCII, or a NUL
        raise RecordFault(f"source_ip {text[:_SHOWN]!r} is no IP address") from None
    return usual.removeprefix(_MAPPED) if "." in usual else usual


def count(text: str | None) -> int:
    """Return a number of messages, at least 1.  Raises RecordFault."""
    if text is None:
        raise RecordFault("there is no count")
    found = number(text)
    if not found:
        raise RecordFault(f"count {text[:_SHOWN]!r} is no number of messages")
    return found


def number(text: str | None) -> int | None:
    """Return a whole number; a fraction that some receivers write is left out."""
    whole = (text or "").partition(".")[0]
    if not whole.isascii() or not whole.isdigit() or len(whole) > _MOST_DIGITS:
        return None
    return int(whole)


def evaluated(texts: Texts, reasons: Sequence[PolicyOverrideReason], note: Note) -> Evaluated:
    """Return what the policy came to."""
    return Evaluated(
        DISPOSITIONS.read(texts.get("disposition"), note),
        ALIGNED.read(texts.get("dkim"), note),
        ALIGNED.read(texts.get("spf"), note),
        tuple(reasons),
    )


def identifiers(texts: Texts) -> Identifiers:
    """Return the domains of a message.  Raises RecordFault."""
    author = texts.get("header_from")
    if not author:
        raise RecordFault("there is no header_from")
    return Identifiers(
        author.lower(), _lowered(texts, "envelope_from"), _lowered(texts, "envelope_to")
    )


def reason(texts: Texts, note: Note) -> PolicyOverrideReason | None:
    """Return one reason; None where it has no type that is known."""
    found = OVERRIDES.read(texts.get("type"), note)
    return (
        None
        if found is None
        else PolicyOverrideReason(type=found, comment=texts.get("comment") or None)
    )


def dkim_result(texts: Texts, note: Note) -> DkimAuthResult:
    """Return what a signature came to."""
    return DkimAuthResult(
        domain=texts.get("domain", "").lower(),
        selector=texts.get("selector") or None,
        result=DKIM_RESULTS.read(texts.get("result"), note),
        human_result=texts.get("human_result") or None,
    )


def spf_result(texts: Texts, note: Note) -> SpfAuthResult:
    """Return what SPF came to."""
    return SpfAuthResult(
        domain=texts.get("domain", "").lower(),
        scope=texts.get("scope") or None,
        result=SPF_RESULTS.read(texts.get("result"), note),
        human_result=texts.get("human_result") or None,
    )


def record(
    source: str, messages: int, what: Evaluated, who: Identifiers, how: AuthResults
) -> Record:
    """Put the sections of a record together."""
    return Record(
        source_ip=source, count=messages,
        disposition=what.disposition, dkim=what.dkim, spf=what.spf, reasons=what.reasons,
        header_from=who.header_from, envelope_from=who.envelope_from, envelope_to=who.envelope_to,
        dkim_results=how.dkim, spf_results=how.spf,
    )  # fmt: skip


def metadata(texts: Texts, errors: Sequence[str]) -> ReportMetadata:
    """Return who reports of which time.  Raises RecordFault.

    An organisation without a name goes by the domain of its address.
    """
    begin, end = number(texts.get("begin")), number(texts.get("end"))
    if begin is None or end is None or begin > end:
        raise RecordFault("report_metadata has no date_range of two numbers in their order")
    if end > LAST_SECOND:
        raise RecordFault(f"date_range ends at {end}, after the year 9999: are these milliseconds?")
    email = texts.get("email", "")
    organization = texts.get("org_name") or email.rpartition("@")[2].strip("<> ")
    identity = texts.get("report_id")
    if not organization or not identity:
        raise RecordFault("report_metadata says neither who reports nor as which report")
    return ReportMetadata(
        org_name=organization, email=email, report_id=identity, begin=begin, end=end,
        extra_contact_info=texts.get("extra_contact_info") or None, errors=tuple(errors),
        generator=texts.get("generator") or None,
    )  # fmt: skip


def policy(texts: Texts, note: Note) -> PolicyPublished:
    """Return the policy that was found.  Raises RecordFault."""
    domain = texts.get("domain")
    if not domain:
        raise RecordFault("policy_published names no domain")
    testing = texts.get("testing")
    return PolicyPublished(
        domain=domain.lower().rstrip("."),
        p=POLICIES.read(texts.get("p") or None, note),
        sp=POLICIES.read(texts.get("sp") or None, note),
        np=POLICIES.read(texts.get("np") or None, note),
        fo=texts.get("fo") or None,
        adkim=texts.get("adkim") or None,
        aspf=texts.get("aspf") or None,
        testing=None if not testing else testing.lower() in {"y", "yes", "true"},
        discovery_method=METHODS.read(texts.get("discovery_method") or None, note),
        pct=number(texts.get("pct")),
    )


def _lowered(texts: Texts, name: str) -> str | None:
    found = texts.get(name)
    return None if found is None else found.lower()
