"""Checks of the SPF record, and what evaluating it costs a receiver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address

from avowal.limits import Limits
from avowal.lookup import Outcome, Steps
from avowal.policy.lint.finding import LintFinding, LintLevel
from avowal.policy.spf import SpfLimits, SpfRequest, SpfWord, check_host
from avowal.policy.spf.macros import SpfSyntaxFault
from avowal.policy.spf.record import SpfRecord, read_record
from avowal.policy.survey import Survey
from avowal.policy.trace import excerpt

# An address that no record names (RFC 5737), so that every term is reached.
_NOBODY = ip_address("192.0.2.255")
_GENEROUS = SpfLimits(terms=50, void_lookups=50)
_STANDARD = SpfLimits()
_LONG_TXT = 450  # octets, RFC 7208 §3.4


def unreadable(survey: Survey) -> Iterator[LintFinding]:
    """Find records that give permerror."""
    for octets in survey.at("spf").records:
        try:
            read_record(octets)
        except SpfSyntaxFault as fault:
            yield LintFinding(
                level=LintLevel.ERROR,
                code="spf-unreadable",
                place=survey.at("spf").name,
                what=f"receivers answer permerror: {fault}",
                hint="mend the term (RFC 7208 §12)",
            )


def form(survey: Survey) -> Iterator[LintFinding]:
    """Find terms that do not do what they seem to."""
    place = survey.at("spf")
    for octets in place.records:
        if len(octets) > _LONG_TXT:
            what = f"{len(octets)} octets may not fit into one UDP answer (RFC 7208 §3.4)"
            yield LintFinding(LintLevel.ADVICE, "spf-long", place.name, what, "shorten it")
        try:
            record = read_record(octets)
        except SpfSyntaxFault:
            continue
        yield from _meaningless(place.name, record)
        yield from _everybody(place.name, record)
        mechanisms = [directive.mechanism for directive in record.directives]
        if "ptr" in mechanisms:
            what = "ptr is slow and not to be used (RFC 7208 §5.5)"
            yield LintFinding(
                LintLevel.WARNING, "spf-ptr", place.name, what, "name addresses instead"
            )
        for directive in record.directives:
            if directive.mechanism == "all" and directive.word is SpfWord.PASS:
                what = "+all lets the whole world send in your name"
                yield LintFinding(
                    LintLevel.ERROR, "spf-all", place.name, what, "end with ~all or -all"
                )
        if "all" in mechanisms and mechanisms[-1] != "all":
            what = "terms behind all are never reached"
            yield LintFinding(LintLevel.WARNING, "spf-unreached", place.name, what, "put all last")
        if "all" not in mechanisms and record.redirect is None:
            what = "neither all nor redirect: every other client is neutral"
            yield LintFinding(
                LintLevel.WARNING, "spf-open", place.name, what, "end with ~all or -all"
            )


def near_misses(survey: Survey) -> Iterator[LintFinding]:
    """Find records that were meant for SPF and that no receiver takes for it (RFC 7208 §4.5)."""
    for octets in survey.strays:
        yield LintFinding(
            level=LintLevel.ERROR,
            code="spf-version",
            place=survey.at("spf").name,
            what=f"no SPF record, though it looks like one: {excerpt(octets)}",
            hint='begin with exactly "v=spf1" and a space, without quotes or a blank before it',
        )


def _meaningless(place: str, record: SpfRecord) -> Iterator[LintFinding]:
    """Find what is read and has no effect."""
    if record.redirect is not None and any(d.mechanism == "all" for d in record.directives):
        what = "redirect= is ignored beside all (RFC 7208 §6.1)"
        yield LintFinding(LintLevel.WARNING, "spf-redirect", place, what, "keep one of the two")
    if any(term.lower().startswith("v=") for term in record.text.split()[1:]):
        what = "the version stands twice; the second one means nothing"
        yield LintFinding(
            LintLevel.WARNING, "spf-version-twice", place, what, "take the second one out"
        )


def _everybody(place: str, record: SpfRecord) -> Iterator[LintFinding]:
    """Find networks that together hold every address there is."""
    passing = [d.network for d in record.directives if d.word is SpfWord.PASS and d.network]
    whole: dict[str, Iterable[IPv4Network | IPv6Network]] = {
        "ip4": collapse_addresses([n for n in passing if isinstance(n, IPv4Network)]),
        "ip6": collapse_addresses([n for n in passing if isinstance(n, IPv6Network)]),
    }
    for family, networks in whole.items():
        if any(network.prefixlen == 0 for network in networks):
            what = f"the {family} networks hold every address: the whole world sends in your name"
            yield LintFinding(LintLevel.ERROR, "spf-all", place, what, "name your own networks")


def explanation(survey: Survey, limits: Limits) -> Steps[tuple[LintFinding, ...]]:
    """Look for the text that exp= names (RFC 7208 §6.2)."""
    del limits
    findings = []
    place = survey.at("spf")
    for octets in place.records:
        try:
            target = read_record(octets).explanation
        except SpfSyntaxFault:
            continue
        if target is None or target.letters:
            continue
        (answer,) = yield from survey.memory.txt(target.text.removesuffix("."))
        if answer.outcome is not Outcome.FAILED and len(answer.records) != 1:
            what = f"exp={target.text}: {len(answer.records)} TXT records there, one is needed"
            hint = "publish the text, or take exp= out"
            findings.append(LintFinding(LintLevel.WARNING, "spf-exp", place.name, what, hint))
    return tuple(findings)


def cost(survey: Survey, limits: Limits) -> Steps[tuple[LintFinding, ...]]:
    """Count the terms that ask DNS, as a receiver does for a client that matches none."""
    del limits
    place = survey.at("spf")
    if len(place.records) != 1:
        return ()
    request = SpfRequest(client=_NOBODY, mail_from=b"postmaster@" + survey.domain.ascii.encode())
    result = yield from check_host(request, "mfrom", limits=_GENEROUS)
    findings = []
    if result.terms > _STANDARD.terms:
        what = f"{result.terms} terms ask DNS, {_STANDARD.terms} are allowed: permerror"
        hint = "replace include and mx by the addresses behind them (RFC 7208 §4.6.4)"
        findings.append(LintFinding(LintLevel.ERROR, "spf-lookups", place.name, what, hint))
    if result.void_lookups > _STANDARD.void_lookups:
        what = f"{result.void_lookups} lookups find nothing, {_STANDARD.void_lookups} are allowed"
        hint = "take out what no longer exists (RFC 7208 §4.6.4)"
        findings.append(LintFinding(LintLevel.ERROR, "spf-void", place.name, what, hint))
    if result.by_macros:
        what = f"{result.problem}: the name depends on the client, what follows was not counted"
        hint = "see that there is a record for every client"
        findings.append(LintFinding(LintLevel.ADVICE, "spf-macros", place.name, what, hint))
    elif result.word in {SpfWord.PERMERROR, SpfWord.TEMPERROR} and not findings:
        what = f"{result.word}: {result.problem}"
        findings.append(
            LintFinding(LintLevel.ERROR, "spf-fails", place.name, what, "mend the named record")
        )
    return tuple(findings)
