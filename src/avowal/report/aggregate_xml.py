"""Writes aggregate reports: from values to octets, the same octets for the same values.

Two forms: RFC 9990 §3.1.1, and RFC 7489 Appendix C for receivers of old software.  A word that
a form does not have becomes the nearest one it has, with its own name as the comment.  Records
come in an order of their own, so that counting them in another order changes nothing.

Who gets a report, its mail and its file name are for others.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Literal

from avowal.errors import UsageError
from avowal.report.aggregate import (
    AggregateReport,
    Disposition,
    OverrideType,
    PolicyOverrideReason,
    PolicyPublished,
    Record,
    ReportMetadata,
    SpfAuthResult,
    SpfResultWord,
)

Form = Literal["9990", "7489"]

_SPECIAL = re.compile("[&<>\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]")
_WRITTEN = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}  # XML 1.0 §2.11
_NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"
_END = b"</feedback>\n"
_COMPRESSION = 6
_AT_ONCE = 4096  # pieces that are compressed in one go
_GZIP, _LEAST_WINDOW, _MOST_WINDOW = 16, 11, 15  # as zlib has them: the form, powers of two
# What stands for a word that the form does not know (RFC 9990 dropped two, RFC 7489 lacks one).
_IN_9990 = {
    OverrideType.FORWARDED: OverrideType.TRUSTED_FORWARDER,
    OverrideType.SAMPLED_OUT: OverrideType.OTHER,
}
_IN_7489 = {OverrideType.POLICY_TEST_MODE: OverrideType.OTHER}


def write_aggregate(report: AggregateReport, *, form: Form = "9990") -> bytes:
    """Return a report as XML in UTF-8.  Raises UsageError for one that the form cannot hold.

    That is a report without records, a policy without p, a record that does not say what it
    came to; RFC 9990 also wants a selector of every signature.
    """
    return b"".join(written(report.metadata, report.policy, report.records, form=form))


def write_compressed(report: AggregateReport, *, form: Form = "9990") -> bytes:
    """Return the same as gzip (RFC 1952), without a time or a name: the same octets again."""
    return _compressed(list(written(report.metadata, report.policy, report.records, form=form)))


def write_counted(
    metadata: ReportMetadata,
    policy: PolicyPublished,
    rows: Iterable[tuple[Record, Mapping[str, int]]],
) -> bytes:
    """Return what `write_compressed` does, of records that are alike but for address and count."""
    texts: list[tuple[bytes, bytes]] = []
    for record, counts in rows:
        rest = _octets(_record_9990(record))
        texts += [(_octets(_begun(source, counts[source])), rest) for source in counts]
    texts.sort()  # as `written` has them: no beginning is the beginning of another
    return _compressed([_head(metadata, policy, "9990"), *chain.from_iterable(texts), _END])


def _compressed(pieces: Sequence[bytes]) -> bytes:
    # A window that is no larger than what it slides over: most reports are of a few records, and
    # preparing 256 KiB for each costs more than compressing it.
    length = sum(map(len, pieces))
    window = min(_MOST_WINDOW, max(_LEAST_WINDOW, length.bit_length()))
    packing = zlib.compressobj(_COMPRESSION, zlib.DEFLATED, _GZIP + window, window - 7)
    made = [
        packing.compress(b"".join(pieces[at : at + _AT_ONCE]))
        for at in range(0, len(pieces), _AT_ONCE)
    ]
    return b"".join((*made, packing.flush()))


def written(
    metadata: ReportMetadata, policy: PolicyPublished, records: Iterable[Record], *, form: Form
) -> Iterator[bytes]:
    """Yield the octets of a report, a piece for each record.  Raises UsageError."""
    write = _Writer(_record_9990 if form == "9990" else _record_7489)
    yield _head(metadata, policy, form)
    texts = sorted(map(write.text, records))  # begin with the address: counting has no order
    if not texts:
        raise UsageError("a report has one record at least (RFC 9990 §3.1.1.2)")
    for text in texts:
        yield _octets(text)
    yield _END


def _head(metadata: ReportMetadata, policy: PolicyPublished, form: Form) -> bytes:
    root = f'<feedback xmlns="{_NAMESPACE}">' if form == "9990" else "<feedback>"
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n  <version>1.0</version>\n'
    return _octets(head + _metadata(metadata, form) + _policy(policy, form))


def _begun(source: str, count: int) -> str:
    """A record as far as its count: the rest is the same for all that are alike."""
    if count < 1:
        raise UsageError(f"a record of {source} does not say what it came to")
    return (
        f"  <record>\n    <row>\n      <source_ip>{escaped(source)}</source_ip>\n"
        f"      <count>{count}</count>\n"
    )


class _Writer:
    """Writes the records of a report: what those of one outcome have alike is written once.

    Records that were made of one outcome share its parts, so these are told by identity; a
    record of each is kept for as long, and no part can come to stand in another's place.
    """

    def __init__(self, write: Callable[[Record], str]) -> None:
        self._write = write
        self._written: dict[tuple[object, ...], tuple[Record, str]] = {}

    def text(self, record: Record) -> str:
        alike = (
            id(record.reasons), id(record.dkim_results), id(record.spf_results),
            record.header_from, record.envelope_from, record.envelope_to,
            record.disposition, record.dkim, record.spf,
        )  # fmt: skip
        known = self._written.get(alike)
        if known is None:
            known = self._written[alike] = record, self._write(record)
        return _begun(record.source_ip, record.count) + known[1]


@lru_cache(maxsize=8192)
def escaped(text: str) -> str:
    """Return characters as they stand in XML; what XML cannot hold becomes U+FFFD."""
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _WRITTEN.get(found[0], "\ufffd")


def _octets(text: str) -> bytes:
    return text.encode()


def _element(indent: str, name: str, text: str | None) -> str:
    return "" if text is None else f"{indent}<{name}>{escaped(text)}</{name}>\n"


def _metadata(metadata: ReportMetadata, form: Form) -> str:
    def one(name: str, text: str | None) -> str:
        return _element("    ", name, text)

    errors = metadata.errors
    if form == "9990" and len(errors) > 1:  # there is one element at most
        errors = ("; ".join(errors),)
    return (
        "  <report_metadata>\n"
        + one("org_name", metadata.org_name)
        + one("email", metadata.email)
        + one("extra_contact_info", metadata.extra_contact_info)
        + one("report_id", metadata.report_id)
        + f"    <date_range>\n      <begin>{metadata.begin}</begin>\n"
        + f"      <end>{metadata.end}</end>\n    </date_range>\n"
        + "".join(one("error", error) for error in errors)
        + one("generator", metadata.generator if form == "9990" else None)
        + "  </report_metadata>\n"
    )


def _policy(policy: PolicyPublished, form: Form) -> str:
    if policy.p is None:
        raise UsageError("policy_published has no p (RFC 9990 §3.1.1.5)")
    testing = None if policy.testing is None else "y" if policy.testing else "n"
    rows: tuple[tuple[str, str | None], ...]
    if form == "9990":
        rows = (
            ("domain", policy.domain), ("discovery_method", policy.discovery_method),
            ("p", policy.p), ("sp", policy.sp), ("np", policy.np), ("fo", policy.fo),
            ("adkim", policy.adkim), ("aspf", policy.aspf), ("testing", testing),
        )  # fmt: skip
    else:
        rows = (
            ("domain", policy.domain), ("adkim", policy.adkim), ("aspf", policy.aspf),
            ("p", policy.p), ("sp", policy.sp or policy.p),
            ("pct", str(100 if policy.pct is None else policy.pct)), ("fo", policy.fo or "0"),
        )  # fmt: skip
    inner = "".join(_element("    ", name, text) for name, text in rows)
    return f"  <policy_published>\n{inner}  </policy_published>\n"


def _record_9990(record: Record) -> str:
    for one in record.dkim_results:
        if one.selector is None:
            raise UsageError(f"a signature of {one.domain} has no selector (RFC 9990 §3.1.1.11)")
    reasons = _reasons(record.reasons, _IN_9990)
    identifiers = (
        _element("      ", "header_from", record.header_from)
        + _element("      ", "envelope_from", record.envelope_from)
        + _element("      ", "envelope_to", record.envelope_to)
    )  # fmt: skip
    spf = "".join(_spf(one, scope="mfrom") for one in record.spf_results[:1])  # one at most
    return _record(record, record.disposition, reasons, identifiers, spf)


def _record_7489(record: Record) -> str:
    disposition = record.disposition
    if disposition is Disposition.PASS:
        disposition = Disposition.NONE
    reasons = _reasons(record.reasons, _IN_7489)
    identifiers = (
        _element("      ", "envelope_to", record.envelope_to)
        + _element("      ", "envelope_from", record.envelope_from or "")
        + _element("      ", "header_from", record.header_from)
    )  # fmt: skip
    told = record.spf_results or (
        SpfAuthResult(domain=record.envelope_from or record.header_from, result=SpfResultWord.NONE),
    )
    spf = "".join(_spf(_in_7489(one), scope=one.scope or "mfrom") for one in told)
    return _record(record, disposition, reasons, identifiers, spf)


def _in_7489(one: SpfAuthResult) -> SpfAuthResult:
    """The result in words of RFC 7489, which has no policy for SPF."""
    if one.result is not SpfResultWord.POLICY:
        return one
    return replace(one, result=SpfResultWord.NONE, human_result=one.human_result or "policy")


def _record(
    record: Record, disposition: Disposition | None, reasons: str, identifiers: str, spf: str
) -> str:
    if disposition is None or record.dkim is None or record.spf is None:
        raise UsageError(f"a record of {record.source_ip} does not say what it came to")
    return (
        "      <policy_evaluated>\n"
        f"        <disposition>{disposition}</disposition>\n"
        f"        <dkim>{record.dkim}</dkim>\n        <spf>{record.spf}</spf>\n"
        f"{reasons}      </policy_evaluated>\n    </row>\n"
        f"    <identifiers>\n{identifiers}    </identifiers>\n    <auth_results>\n"
        f"{_dkim(record)}{spf}    </auth_results>\n  </record>\n"
    )


def _reasons(
    reasons: tuple[PolicyOverrideReason, ...], instead: dict[OverrideType, OverrideType]
) -> str:
    return "".join(_reason(one, instead.get) for one in reasons) if reasons else ""


def _reason(
    reason: PolicyOverrideReason, instead: Callable[[OverrideType], OverrideType | None]
) -> str:
    kind, comment = instead(reason.type), reason.comment
    if kind is not None:
        comment = reason.type.value if comment is None else f"{reason.type.value}: {comment}"
    return (
        f"        <reason>\n          <type>{(kind or reason.type).value}</type>\n"
        + _element("          ", "comment", comment)
        + "        </reason>\n"
    )


def _dkim(record: Record) -> str:
    return "".join(
        [
            f"      <dkim>\n        <domain>{escaped(one.domain)}</domain>\n"
            + _element("        ", "selector", one.selector)
            + f"        <result>{one.result or 'none'}</result>\n"
            + _element("        ", "human_result", one.human_result)
            + "      </dkim>\n"
            for one in record.dkim_results
        ]
    )


def _spf(one: SpfAuthResult, *, scope: str) -> str:
    return (
        f"      <spf>\n        <domain>{escaped(one.domain)}</domain>\n"
        + _element("        ", "scope", scope)
        + f"        <result>{one.result or 'none'}</result>\n"
        + _element("        ", "human_result", one.human_result)
        + "      </spf>\n"
    )
