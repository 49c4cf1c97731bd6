"""What a domain publishes, in words: the sentences of ``avowal policy show``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from avowal.policy import adsp, domainkeys, ssp, ssp2007
from avowal.policy.dmarc.record import REMOVED_TAGS, DmarcRecord, DmarcRecordFault, Policy
from avowal.policy.practice_record import WordRecord
from avowal.policy.spf.macros import SpfSyntaxFault
from avowal.policy.spf.record import read_record
from avowal.policy.survey import PublishedName, Survey
from avowal.policy.symbols import SymbolRecord
from avowal.policy.trace import excerpt
from avowal.text import printable

TITLES = {
    "dmarc": "DMARC (RFC 9989)",
    "spf": "SPF (RFC 7208)",
    "adsp": "ADSP (RFC 5617, Historic)",
    "ssp2007": "SSP of 2007 (a draft)",
    "ssp": "SSP of 2005 (a draft)",
    "domainkeys": "DomainKeys policy (RFC 4870, Historic)",
}
_ASKS = {
    Policy.NONE: "nothing is asked for mail that fails",
    Policy.QUARANTINE: "mail that fails is to be treated as suspicious",
    Policy.REJECT: "mail that fails is not the domain's and is to be refused",
}
_MODES = {"r": "relaxed: the same organization", "s": "strict: the same name"}
_SPF_RESULTS = {
    "pass": "may send for the domain",
    "fail": "may not send for the domain",
    "softfail": "probably may not send for the domain",
    "neutral": "are not spoken of",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One mechanism: where it stands, each record as published, what they say."""

    mechanism: str
    title: str
    name: str
    records: tuple[str, ...]
    sentences: tuple[str, ...]


def described(survey: Survey) -> tuple[Statement, ...]:
    """Say what a domain publishes, the mechanisms in use today first."""
    return tuple(_statement(survey, survey.at(mechanism)) for mechanism in TITLES)


def _statement(survey: Survey, place: PublishedName) -> Statement:
    failure = next((f for f in survey.failures if f.name == place.name), None)
    if failure is not None:
        sentences = [f"not known: {failure.why}"]
    elif place.mechanism == "dmarc" and not place.records:
        sentences = list(_inherited(survey))
    elif not place.records:
        sentences = ["nothing is published"]
    else:
        sentences = [line for octets in place.records for line in _SAYS[place.mechanism](octets)]
        if len(place.records) > 1:
            sentences.insert(0, f"{len(place.records)} records stand here: none of them counts")
    return Statement(
        mechanism=place.mechanism,
        title=TITLES[place.mechanism],
        name=place.name,
        records=tuple(printable(octets, most=2000) for octets in place.records),
        sentences=tuple(sentences),
    )


def _inherited(survey: Survey) -> Iterator[str]:
    walk = survey.walk
    if walk is None or not walk.records:
        yield "nothing is published here or above: DMARC does not apply to this domain"
        return
    organization = walk.organizational_domain
    name, record = next(((n, r) for n, r in walk.records if n == organization), walk.records[-1])
    tag, policy = record.for_subdomains(existing=survey.exists)
    yield f"nothing is published here; {tag}= of {name} applies: {excerpt(record.octets)}"
    if policy is not None:
        yield _ASKS[policy]


def _dmarc(octets: bytes) -> Iterator[str]:
    try:
        record = DmarcRecord.parse(octets)
    except DmarcRecordFault as fault:
        yield f"no DMARC record: {fault}"
        return
    if record.usable_policy is None:
        yield "asks for nothing and names no address: DMARC does not apply"
    else:
        yield f"p={record.usable_policy}: {_ASKS[record.usable_policy]}"
    for tag, policy in (("sp", record.sp), ("np", record.np)):
        whose = "subdomains" if tag == "sp" else "names that do not exist"
        if policy is not None:
            yield f"{tag}={policy}, for {whose}: {_ASKS[policy]}"
    if record.testing:
        yield "t=y: only testing, receivers do one level less than is asked"
    yield f"DKIM alignment is {_MODES[record.adkim]}; SPF alignment is {_MODES[record.aspf]}"
    if record.psd != "u":
        is_one = "a public suffix" if record.psd == "y" else "the organization for all below it"
        yield f"psd={record.psd}: this domain is {is_one}"
    for what, uris in (("aggregate", record.rua), ("failure", record.ruf)):
        if uris:
            yield f"{what} reports go to {', '.join(str(uri.address or uri.uri) for uri in uris)}"
    for name in sorted(REMOVED_TAGS):
        if getattr(record, name) is not None:
            yield f"{name}= is gone since RFC 9989 and ignored"
    for problem in record.problems:
        yield f"{problem.tag}= is left out: {problem.why}"


def _spf(octets: bytes) -> Iterator[str]:
    try:
        record = read_record(octets)
    except SpfSyntaxFault as fault:
        yield f"cannot be read, receivers answer permerror: {fault}"
        return
    for directive in record.directives:
        yield f"{directive.text}: clients that match {_SPF_RESULTS[directive.word]}"
    if record.redirect is not None:
        yield "redirect: the record of another domain decides the rest"


def _symbol(symbols: str, meanings: dict[str, str]) -> Callable[[bytes], Iterator[str]]:
    def say(octets: bytes) -> Iterator[str]:
        record = SymbolRecord.parse(octets, symbols)
        if record is None:
            return
        yield f"o={record.symbol}: {meanings[record.symbol]}"
        if record.problem is not None:
            yield f"o= means that by default: {record.problem}"
        if record.spelling is not None:
            yield f"it is written {record.spelling}, and read as meant"
        if record.testing:
            yield "t=y: only testing"
        if record.reports_to is not None:
            yield f"r={excerpt(record.reports_to)}: the address for questions"
        if record.note is not None:
            yield f"n={excerpt(record.note)}: a note for people"

    return say


def _word(words: frozenset[str], meanings: dict[str, str]) -> Callable[[bytes], Iterator[str]]:
    def say(octets: bytes) -> Iterator[str]:
        record = WordRecord.parse(octets, words)
        if record is None:
            yield "cannot be read, it is as if absent: dkim= stands first, in lower case"
            return
        yield f"dkim={record.practices}: {meanings[record.practices]}"
        if record.problem is not None:
            yield record.problem
        if record.testing:
            yield "t=y: only testing"
        if record.not_for_subdomains:
            yield "t=s: not for subdomains"

    return say


_SAYS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "dmarc": _dmarc,
    "spf": _spf,
    "adsp": _word(adsp.WORDS, adsp.MEANINGS),
    "ssp2007": _word(ssp2007.WORDS, ssp2007.MEANINGS),
    "ssp": _symbol(ssp.SYMBOLS, ssp.MEANINGS),
    "domainkeys": _symbol(domainkeys.SYMBOLS, domainkeys.MEANINGS),
}
