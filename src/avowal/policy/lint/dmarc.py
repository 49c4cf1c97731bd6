"""Checks of the DMARC record and of the addresses it names."""

from __future__ import annotations

from collections.abc import Iterator

from avowal.limits import Limits
from avowal.lookup import Steps
from avowal.policy.dmarc.destinations import Consent, Kind, destinations
from avowal.policy.dmarc.record import REMOVED_TAGS, DmarcRecord, DmarcRecordFault, Policy
from avowal.policy.dmarc.uris import ReportUri
from avowal.policy.lint.finding import LintFinding, LintLevel
from avowal.policy.survey import Survey
from avowal.policy.trace import excerpt

_NULL_MX = b"0 ."  # RFC 7505 §3


def unreadable(survey: Survey) -> Iterator[LintFinding]:
    """Find records that receivers take for something else."""
    for octets in survey.at("dmarc").records:
        try:
            DmarcRecord.parse(octets)
        except DmarcRecordFault as fault:
            yield LintFinding(
                level=LintLevel.ERROR,
                code="dmarc-unreadable",
                place=survey.at("dmarc").name,
                what=f"no DMARC record: {fault}: {excerpt(octets)}",
                hint='begin with exactly "v=DMARC1;" and write each tag once',
            )


def _records(survey: Survey) -> Iterator[tuple[str, DmarcRecord]]:
    place = survey.at("dmarc")
    for octets in place.records:
        try:
            yield place.name, DmarcRecord.parse(octets)
        except DmarcRecordFault:
            continue


def tags(survey: Survey) -> Iterator[LintFinding]:
    """Find tags that do not say what they seem to."""
    for place, record in _records(survey):
        spoiling = {"p", "sp", "np"}
        for problem in record.problems:
            level = LintLevel.ERROR if problem.tag in spoiling else LintLevel.WARNING
            yield LintFinding(
                level, "bad-tag", place, f"{problem.tag}=: {problem.why}", "correct it"
            )
        for name in sorted(REMOVED_TAGS):
            if getattr(record, name) is not None:
                why = "gone since RFC 9989, receivers ignore it"
                hint = "use t=y instead" if name == "pct" else "take it out"
                yield LintFinding(LintLevel.ADVICE, "removed-tag", place, f"{name}=: {why}", hint)
        for name, _ in record.other_tags:
            yield LintFinding(
                LintLevel.WARNING,
                "unknown-tag",
                place,
                f"{name}= is no tag of DMARC",
                "take it out",
            )
        if record.p is None:
            yield LintFinding(
                LintLevel.ERROR, "no-policy", place, "p= is absent or invalid", "say p=none"
            )
        if record.fo != ("0",) and not record.ruf:
            yield LintFinding(
                LintLevel.ADVICE, "fo-alone", place, "fo= is ignored without ruf=", "take it out"
            )


def beginning(survey: Survey) -> Iterator[LintFinding]:
    """Find records with a blank in front, which the grammar does not know (RFC 9989 §4.8)."""
    for octets in survey.at("dmarc").records:
        if octets[:1] in (b" ", b"\t"):
            yield LintFinding(
                level=LintLevel.WARNING,
                code="dmarc-blank",
                place=survey.at("dmarc").name,
                what="it begins with a blank: some receivers do not take it for a DMARC record",
                hint="take the blank out",
            )


def below(survey: Survey) -> Iterator[LintFinding]:
    """Find sp= and np= where no receiver looks for them (RFC 9989 §4.10.1)."""
    if survey.walk is None or survey.walk.organizational_domain == survey.domain.ascii:
        return
    for place, record in _records(survey):
        for tag in ("sp", "np"):
            if getattr(record, tag) is not None and record.psd != "y":
                above = survey.walk.organizational_domain
                what = f"{tag}= has no effect here: for names without a record {above} is asked"
                hint = f"say it at _dmarc.{above}, or say psd=n here"
                yield LintFinding(LintLevel.WARNING, "unused-tag", place, what, hint)


def strictness(survey: Survey) -> Iterator[LintFinding]:
    """Find policies that do harm, or nothing."""
    for place, record in _records(survey):
        if record.p is Policy.REJECT and _sends_mail(survey):
            yield LintFinding(
                level=LintLevel.ADVICE,
                code="reject-and-lists",
                place=place,
                what="p=reject, and mailing lists break signatures and SPF",
                hint="use p=quarantine where people post to lists, and give machines a subdomain "
                "with p=reject (RFC 9989 §7.4)",
            )
        if record.p is Policy.NONE and not record.rua:
            yield LintFinding(
                level=LintLevel.WARNING,
                code="none-unwatched",
                place=place,
                what="p=none without rua= has no effect at all",
                hint="add rua=mailto:... to learn who uses the name",
            )
        if record.p in {Policy.QUARANTINE, Policy.REJECT} and not record.rua:
            yield LintFinding(
                level=LintLevel.ADVICE,
                code="enforced-unwatched",
                place=place,
                what=f"p={record.p} without rua=: nobody sees which of your mail is lost",
                hint="add rua=mailto:...",
            )
        if record.psd == "y" and record.ruf:
            yield LintFinding(
                level=LintLevel.WARNING,
                code="psd-ruf",
                place=place,
                what="a public suffix must not ask for failure reports (RFC 9989 §10.2)",
                hint="take ruf= out",
            )


def _sends_mail(survey: Survey) -> bool:
    nothing = [
        octets for octets in survey.at("spf").records if octets.split() == [b"v=spf1", b"-all"]
    ]
    return not nothing and survey.exchanges != (_NULL_MX,)


def _addresses(record: DmarcRecord) -> tuple[tuple[Kind, tuple[ReportUri, ...]], ...]:
    return (("rua", record.rua), ("ruf", record.ruf))


def consent(survey: Survey, limits: Limits) -> Steps[tuple[LintFinding, ...]]:
    """Addresses elsewhere have to agree (RFC 9990 §4)."""
    findings = []
    for place, record in _records(survey):
        for tag, uris in _addresses(record):
            found = yield from destinations(
                survey.domain, uris, kind=tag, limits=limits, memory=survey.memory
            )
            for destination in found:
                uri = destination.uri.uri
                if uri.lower().startswith("mailto://"):
                    what = f"{tag}={uri}: the slashes are part of the address"
                    findings.append(
                        LintFinding(
                            LintLevel.ERROR, "bad-uri", place, what, "write mailto:user@host"
                        )
                    )
                elif destination.consent is Consent.REFUSED:
                    what = f"{tag}={uri}: no consent at {destination.name}, receivers send nothing"
                    hint = f'have "v=DMARC1" published at {destination.name}'
                    findings.append(LintFinding(LintLevel.ERROR, "no-consent", place, what, hint))
                elif destination.consent is Consent.UNUSABLE:
                    what = f"{tag}={uri}: no usable mailto: address"
                    findings.append(
                        LintFinding(LintLevel.WARNING, "bad-uri", place, what, "use mailto:")
                    )
    return tuple(findings)
